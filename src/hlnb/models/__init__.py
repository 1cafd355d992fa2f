"""Networks as data: layers in order from the input, which hold no parameters."""
