"""The use cases: the one place where connectors, store, drift and matching meet.

>>> from crmdeck.workspace import Workspace
>>> with Workspace.open(home) as ws:  # doctest: +SKIP
...     ws.refreshes.run("acme-prod")
"""

import lazy_loader

# The stub beside this file lists the names; a module is imported when a name of it is first used.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
