"""A few pages people can read without an app."""
