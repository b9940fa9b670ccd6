"""Rules about ratings: the scale, the screening of comments, the life of a rectification."""
