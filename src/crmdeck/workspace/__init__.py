"""The use cases: the one place where connectors, store, drift and matching meet.

>>> from crmdeck.workspace import Workspace
>>> with Workspace.open(home) as ws:  # doctest: +SKIP
...     ws.refreshes.run("acme-prod")
"""

from crmdeck.lazy import lazy_names

__getattr__, __dir__, __all__ = lazy_names(__name__, __file__)
