"""simple-salesforce without its SOAP client and its own sign-in, which crmdeck doesn't use.

Its package imports zeep, lxml and PyJWT for them: 20 MB, and a third of a second of the processor.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib import import_module
from types import ModuleType


def _later(module: str, name: str) -> Callable[..., object]:
    # Another program in this process may use it.
    def call(*args: object, **kwargs: object) -> object:
        return getattr(import_module(module), name)(*args, **kwargs)

    return call


_placeholders: dict[str, ModuleType] = {}
for _module, _name in (
    ("simple_salesforce.metadata", "SfdcMetadataApi"),
    ("simple_salesforce.login", "SalesforceLogin"),
):
    if _module not in sys.modules:
        _placeholders[_module] = sys.modules[_module] = ModuleType(_module)
        setattr(_placeholders[_module], _name, _later(_module, _name))
try:
    from simple_salesforce.api import Salesforce
    from simple_salesforce.exceptions import SalesforceError
finally:
    for _module in _placeholders:
        del sys.modules[_module]

__all__ = ["Salesforce", "SalesforceError"]
