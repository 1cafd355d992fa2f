"""hlnb: experiments on hierarchical learning, and the book that they make."""
