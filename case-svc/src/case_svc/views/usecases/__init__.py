"""Views as one actor may see them: masked, recorded, with the actions open to her."""
