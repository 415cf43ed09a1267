"""Sensitivity: tornado, base nodes over demand, map of base nodes; as text, JSON and picture."""
