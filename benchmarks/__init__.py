"""The numbers we promise, each measured by a command: `python -m benchmarks` prints a table. Never a timed test."""
