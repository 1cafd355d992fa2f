"""Merged staircases and leap (chapter 12)."""
