"""Values into tables, charts and JSON. Numbers come in ready; rounding happens here and nowhere else."""
