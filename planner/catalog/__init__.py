"""What can be rented, on a date."""
