"""The verbs of the room, by concept."""
