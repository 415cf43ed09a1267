"""Throughput of a model on an offer: curve, rated point, memory fit, estimates by named rule."""
