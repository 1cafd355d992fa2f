"""What a chapter calls to put something on its page."""
