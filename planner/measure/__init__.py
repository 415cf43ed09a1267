"""What was measured: series from Prometheus, by whose names, and what was asked of each model."""
