"""Problems: where inputs and labels come from, one module per family."""
