"""Certificate codes and periods of validity."""
