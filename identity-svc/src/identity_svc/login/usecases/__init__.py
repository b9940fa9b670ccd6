"""The verbs of this room, by concept."""
