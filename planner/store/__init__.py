"""The ledger's store: the one door to the database, SQLite or PostgreSQL. Facts are added and retracted, never changed.

`open_ledger(url)` gives a Ledger; its methods take and give the values of planner/ledger.py. Who opens it says where
(`address.database_url`) and when (times are arguments: the store looks at no clock).
"""

from planner.store.ledger import Ledger, open_ledger

__all__ = ["Ledger", "open_ledger"]
