"""Score: what a replay comes to: its leases and bill, beside what was planned and what may be expected."""
