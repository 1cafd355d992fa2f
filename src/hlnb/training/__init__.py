"""One network trained, many runs laid out."""
