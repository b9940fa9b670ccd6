"""Rules about a case: its life, its steps, where it belongs."""
