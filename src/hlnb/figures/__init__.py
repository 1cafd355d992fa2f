"""What all figures share: looks, parts, export."""
