"""Random hierarchies (chapter 13)."""
