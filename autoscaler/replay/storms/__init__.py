"""Storms: small worlds in which everything goes wrong, drawn from a seed, judged, and made smaller."""
