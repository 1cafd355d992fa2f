"""Linear regression (chapter 18)."""
