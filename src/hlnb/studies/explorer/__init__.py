"""The explorer (chapter 00)."""
