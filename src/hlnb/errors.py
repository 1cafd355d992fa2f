"""The one exception type for everything a user of the book can cause and mend."""


class HlnbError(Exception):
    """A mistake that a user can mend; its text is one sentence: what and what to do."""
