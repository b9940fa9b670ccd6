"""Live progress of one case, as server-sent events."""
