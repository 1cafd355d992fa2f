"""Pitfalls of simplicity bias (chapter 17)."""
