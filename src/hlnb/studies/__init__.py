"""One folder a study: what one chapter, or a family of them, needs alone."""
