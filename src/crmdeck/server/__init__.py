"""The HTTP interface: the Integrations API over a workspace, for a team.

Needs the serve extra; managing users imports no web framework.
"""

from crmdeck.lazy import lazy_names

__getattr__, __dir__, __all__ = lazy_names(__name__, __file__)
