"""Whether the books agree: hash chain, sequences, references and copies across the services."""
