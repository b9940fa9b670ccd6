"""GET routes, and the dependency that answers an action with the case."""
