"""The use cases: the one place where connectors, store, drift and matching meet.

>>> from crmdeck.workspace import Workspace
>>> with Workspace.open(home) as ws:  # doctest: +SKIP
...     ws.refreshes.run("acme-prod")
"""

import lazy_loader

# What there is stands in the stub beside this file; a module is imported when it is asked for.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
