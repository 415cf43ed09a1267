"""Telemetry: what a running daemon tells: a log on stderr, gauges and counters, and a port to read them on."""
