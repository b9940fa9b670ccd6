"""What makes a guide fit for publication, and what may happen to an item."""
