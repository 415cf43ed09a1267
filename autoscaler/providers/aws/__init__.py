"""EC2: instances by CreateFleet and RunInstances, their lists and ends, and warnings from a queue."""
