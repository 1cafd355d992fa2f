"""Chapters executed by papermill, several at once, and kept whole or not at all."""
