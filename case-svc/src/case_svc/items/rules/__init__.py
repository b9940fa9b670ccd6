"""Rules about the materials an item asks for."""
