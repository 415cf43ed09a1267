"""What we want: numbers a person can read, and pure functions beside them. Standard library only."""
