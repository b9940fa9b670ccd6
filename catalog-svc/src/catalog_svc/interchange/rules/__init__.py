"""The file formats of imports and exports, and what a row of them must be."""
