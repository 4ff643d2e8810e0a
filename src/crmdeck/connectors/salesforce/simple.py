"""simple-salesforce without its SOAP client, which crmdeck doesn't use.

For the Metadata API its package imports zeep and lxml: 25 MB, and half a second of the processor.
"""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

_METADATA = "simple_salesforce.metadata"


def _metadata_api(*args: Any, **kwargs: Any) -> Any:
    # Another program in this process may use it.
    from simple_salesforce.metadata import SfdcMetadataApi

    return SfdcMetadataApi(*args, **kwargs)


_instead = ModuleType(_METADATA)
_instead.__dict__["SfdcMetadataApi"] = _metadata_api
sys.modules.setdefault(_METADATA, _instead)
try:
    from simple_salesforce.api import Salesforce
    from simple_salesforce.exceptions import SalesforceError
finally:
    if sys.modules.get(_METADATA) is _instead:
        del sys.modules[_METADATA]

__all__ = ["Salesforce", "SalesforceError"]
