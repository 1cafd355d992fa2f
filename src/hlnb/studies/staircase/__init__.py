"""Staircases on the cube (chapter 10)."""
