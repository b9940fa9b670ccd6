"""What officers do: with a task, and with its case."""
