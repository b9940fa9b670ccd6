"""The local copy of published items, with every version a case may refer to."""
