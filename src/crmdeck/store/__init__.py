"""The cache: everything that happened, appended and never changed.

`Store` opens a DuckDB file or a PostgreSQL database and yields a `Session`, with one repository per
kind of record. Current state is derived from the history. Connection secrets are never in it.
Importing this package does not import DuckDB.
"""

from crmdeck.store.definitions import PackedSchema, SchemaPacker
from crmdeck.store.refresh_record import RecordCount
from crmdeck.store.session import Session
from crmdeck.store.store import Store

__all__ = ["PackedSchema", "RecordCount", "SchemaPacker", "Session", "Store"]
