"""The cache: one DuckDB file that holds everything that happened, appended and never changed.

`Store` opens it for a moment under a lock that all processes respect; what it yields is a
`Session` with one repository for each kind of record. What holds now is derived from what
happened. Secrets are never in it. Importing this package does not import DuckDB.
"""

from crmdeck.store.definitions import PackedSchema, SchemaPacker
from crmdeck.store.refresh_record import RecordCount
from crmdeck.store.session import Session
from crmdeck.store.store import Store

__all__ = ["PackedSchema", "RecordCount", "SchemaPacker", "Session", "Store"]
