"""Resource codes and terms of sharing."""
