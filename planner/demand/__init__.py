"""What will be asked for: the forecast and its reader."""
