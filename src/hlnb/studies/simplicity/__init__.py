"""Simple functions first (chapter 16)."""
