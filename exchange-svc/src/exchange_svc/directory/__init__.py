"""What data departments share, and on what terms (政务数据目录)."""
