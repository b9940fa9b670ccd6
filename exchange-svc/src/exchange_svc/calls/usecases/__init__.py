"""Record accesses to data, and answer the questions of departments' systems."""
