"""The states of a grant request."""
