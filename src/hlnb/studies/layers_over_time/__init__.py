"""Which layers settle first (chapter 20)."""
