"""Filters and layer-wise training on images (chapters 08 and 09)."""
