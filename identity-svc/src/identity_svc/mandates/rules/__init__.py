"""The life of a mandate: plain Python without I/O."""
