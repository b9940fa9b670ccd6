"""Legal time, as plain functions."""
