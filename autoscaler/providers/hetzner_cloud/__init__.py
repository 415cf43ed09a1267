"""Hetzner Cloud: servers of a project as burst nodes, over the API's own client."""
