"""Secrets: in the OS keyring, the environment, a private file, or encrypted in the workspace.

The names of secrets are in `SECRET_NAMES`.
"""

from crmdeck.lazy import lazy_names

__getattr__, __dir__, __all__ = lazy_names(__name__, __file__)
