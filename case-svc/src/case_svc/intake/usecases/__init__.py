"""What applicants do, and what becomes of it when they do not."""
