"""Serving: the simulated serving side: queues with patience, nodes with caches, delays, metrics that fail."""
