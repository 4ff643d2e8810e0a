"""The sources are cheap to import: their client libraries come with the first connector."""

from __future__ import annotations

import subprocess
import sys

CODE = """
import sys
import crmdeck.connectors, crmdeck.connectors.base
from crmdeck.connectors.salesforce import PROFILE
from crmdeck.connectors.hubspot import PROFILE
import crmdeck.formats.salesforce_describe, crmdeck.formats.hubspot_properties
heavy = {"simple_salesforce", "hubspot", "requests", "urllib3", "cryptography", "jwt"}
print(sorted(heavy & set(sys.modules)))
import crmdeck.connectors.salesforce.client
print(sorted({"zeep", "lxml", "jwt"} & set(sys.modules)))
from simple_salesforce.api import SfdcMetadataApi
try:
    SfdcMetadataApi()
except TypeError:
    print("zeep" in sys.modules)
"""


def test_no_client_library_is_imported_and_none_without_need() -> None:
    done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["[]", "[]", "True"]
