"""The interface for assistants: questions about a workspace, over the Model Context Protocol.

Needs the mcp extra. No tool makes decisions. An assistant can suggest mappings if the user
allows it.
"""

from crmdeck.lazy import lazy_names

__getattr__, __dir__, __all__ = lazy_names(__name__, __file__)
