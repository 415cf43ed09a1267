"""A forecast as a table for people, as JSON and as a picture."""
