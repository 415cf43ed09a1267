"""Worlds: a world file, a fleet and traffic become the pools, base nodes and faults of one replay."""
