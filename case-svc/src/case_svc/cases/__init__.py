"""The case itself: its tables, its life, its tasks and history, and who may do what."""
