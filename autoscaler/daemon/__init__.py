"""The daemon: the loop on a clock, over real clouds, with a plan that changes, a lease, a port and a log."""
