"""A cloud that exists in memory: leases, lead times, stock, spot and faults, on a simulated clock."""
