"""Start: from fleet.toml to the parts of a daemon, and what is looked at before it starts."""
