"""The verbs of a case, by the hour of its life."""
