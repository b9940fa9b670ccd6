"""Answers to public reads, kept until something changes."""
