"""The dialogs, one a file. Each is pushed with `App.push_screen(Dialog(...), callback)`."""

from crmdeck.lazy import lazy_names

__getattr__, __dir__, __all__ = lazy_names(__name__, __file__)
