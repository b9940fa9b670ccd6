"""POST routes of officers."""
