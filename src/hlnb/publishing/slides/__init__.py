"""The slides of a chapter, cut from its text."""
