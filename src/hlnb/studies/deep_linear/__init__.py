"""Deep linear networks (chapter 19)."""
