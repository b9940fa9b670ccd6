"""What a message says: plain Python without I/O."""
