"""The panes, one a folder. The module of a pane is imported when it is first shown."""

from crmdeck.lazy import lazy_names

__getattr__, __dir__, __all__ = lazy_names(__name__, __file__)
