"""From shallow to deep learning (chapter 14)."""
