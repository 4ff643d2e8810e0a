"""The parts that panes are made of, mostly one widget a file."""

from crmdeck.lazy import lazy_names

__getattr__, __dir__, __all__ = lazy_names(__name__, __file__)
