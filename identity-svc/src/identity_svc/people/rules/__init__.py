"""Identity numbers and credit codes: plain Python without I/O."""
