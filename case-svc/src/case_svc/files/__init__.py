"""Uploads: content in the file store, its particulars in rows. This room knows no cases."""
