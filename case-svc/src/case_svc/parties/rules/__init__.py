"""Rules about the people and companies that apply."""
