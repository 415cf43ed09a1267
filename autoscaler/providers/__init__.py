"""Where nodes come from: one protocol, and a module per provider."""
