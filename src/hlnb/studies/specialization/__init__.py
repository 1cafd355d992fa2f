"""Specialization of units and connected minima (chapter 21)."""
