"""What clouds say today of prices and stock: one module per provider, read-only."""
