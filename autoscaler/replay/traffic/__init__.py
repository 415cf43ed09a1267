"""Traffic: what a replay is asked to serve, read from files, cut, changed and joined."""
