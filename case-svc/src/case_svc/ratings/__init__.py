"""好差评: one rating per service of a case; a bad one opens a rectification with its own clock."""
