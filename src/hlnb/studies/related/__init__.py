"""Related works (chapter 22)."""
