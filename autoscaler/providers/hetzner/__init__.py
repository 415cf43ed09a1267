"""Hetzner dedicated servers: base nodes, read from Robot; nothing here orders or cancels."""
