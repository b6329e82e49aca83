"""The explorer: a session's own data, and what every setting does to it."""
