"""The files source: exported schemas on disk."""

from crmdeck.connectors.files.connector import FilesConnector, open_connector, recognize
from crmdeck.connectors.files.schema_file import load_schema_file

__all__ = ["FilesConnector", "load_schema_file", "open_connector", "recognize"]
