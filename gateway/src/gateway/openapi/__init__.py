"""One API document out of the services' own."""
