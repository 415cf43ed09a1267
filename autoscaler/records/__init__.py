"""Records: what the daemon keeps in the database. The door to journal, leadership, controls and status of one fleet."""

from autoscaler.records.open import Records, open_records

__all__ = ["Records", "open_records"]
