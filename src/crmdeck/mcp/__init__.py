"""The interface for assistants: questions about a workspace, over the Model Context Protocol.

Needs the extra `mcp`. Nothing here decides anything. An assistant that is allowed to suggests
mappings.
"""

from crmdeck.lazy import lazy_names

__getattr__, __dir__, __all__ = lazy_names(__name__, __file__)
