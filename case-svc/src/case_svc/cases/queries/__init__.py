"""Every SELECT of the room; `cases.visible_to` is the one door to scoped rows."""
