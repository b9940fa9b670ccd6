"""Crash everything while people work, then look whether anything was lost or doubled."""
