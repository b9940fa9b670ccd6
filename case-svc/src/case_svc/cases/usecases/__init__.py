"""Changes every room above makes through this one: transitions, tasks, clocks."""
