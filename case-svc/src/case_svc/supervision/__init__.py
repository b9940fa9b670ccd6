"""Supervision: lights and cards over every clock, and the public numbers."""
