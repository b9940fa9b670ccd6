"""Every SELECT of supervision: warnings with their clocks, and the public figures."""
