"""Parities (chapter 11)."""
