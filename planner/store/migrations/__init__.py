"""The schema's history, shipped with the package and run by `planner.store.schema`."""
