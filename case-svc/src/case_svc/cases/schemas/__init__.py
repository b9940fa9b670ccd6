"""The public contract of the room: what comes in, what goes out."""
