"""Synthetic cells put into a recording, and how well they are found again."""
