"""The HTTP face: the Integrations API over a workspace, for a team.

Needs the extra `serve`. Names are found when asked for, so that managing users imports no web
framework.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from crmdeck.server.accounts import Accounts, Organisation, User
    from crmdeck.server.app import create_app
    from crmdeck.server.log import log_to_stderr
    from crmdeck.server.run import Binding, serve

_HOMES = {
    "Accounts": "crmdeck.server.accounts",
    "Binding": "crmdeck.server.run",
    "Organisation": "crmdeck.server.accounts",
    "User": "crmdeck.server.accounts",
    "create_app": "crmdeck.server.app",
    "log_to_stderr": "crmdeck.server.log",
    "serve": "crmdeck.server.run",
}

__all__ = ["Accounts", "Binding", "Organisation", "User", "create_app", "log_to_stderr", "serve"]


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(home), name)
