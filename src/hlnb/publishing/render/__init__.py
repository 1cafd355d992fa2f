"""The pages: Sphinx, and the parts that are generated."""
