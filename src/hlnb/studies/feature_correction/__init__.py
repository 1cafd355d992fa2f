"""Backward feature correction (chapter 15)."""
