"""Looks that are recorded, and questions that departments' systems ask."""
