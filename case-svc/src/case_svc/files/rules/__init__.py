"""Rules about uploads: names, types, checksums, multipart bodies."""
