"""Calls: whether a call may be made now, by whom, for how long, and what is told of it."""
