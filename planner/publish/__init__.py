"""Publishing prices: what is charged per token at a gateway, and whether it is."""
