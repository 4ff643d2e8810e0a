"""The cache: everything that happened, appended and never changed.

`Store` opens a DuckDB file or a PostgreSQL database and yields a `Session`, with one repository per
kind of record. Current state is derived from the history. Connection secrets are never in it.
"""

from crmdeck.lazy import lazy_names

__getattr__, __dir__, __all__ = lazy_names(__name__, __file__)
