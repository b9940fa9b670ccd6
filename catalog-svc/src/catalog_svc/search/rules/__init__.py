"""How a text becomes the tokens of the search index."""
