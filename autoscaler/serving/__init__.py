"""The serving side: demand at the input, nodes' health, routing."""
