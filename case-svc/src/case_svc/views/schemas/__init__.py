"""Shapes of the views: the public contract."""
