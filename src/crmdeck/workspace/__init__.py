"""The use cases: the one place where connectors, store, drift and matching meet.

>>> from crmdeck.workspace import Workspace
>>> with Workspace.open(home) as ws:  # doctest: +SKIP
...     ws.refresh("acme-prod")
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from crmdeck.exports import FORMATS
    from crmdeck.model import CancelToken, Progress
    from crmdeck.secrets import SecretsPlace
    from crmdeck.workspace.connecting import ConnectionDraft
    from crmdeck.workspace.deciding import Choice
    from crmdeck.workspace.demo import open_demo
    from crmdeck.workspace.demo.serving import serve_sandbox
    from crmdeck.workspace.environment import secrets_from_environment
    from crmdeck.workspace.examining import Finding, examine
    from crmdeck.workspace.exporting import EXPORTS
    from crmdeck.workspace.facade import Workspace
    from crmdeck.workspace.inspecting import InspectedObject, MappedTo, SchemaOverview
    from crmdeck.workspace.matchfiles import FileMatches, match_files, render_matches
    from crmdeck.workspace.moments import parse_moment
    from crmdeck.workspace.retirements import Retirement
    from crmdeck.workspace.reviewing import Review, Verdict
    from crmdeck.workspace.sampling import FieldSample, FillRate
    from crmdeck.workspace.signin.browser import DEFAULT_PORT, BrowserSignIn
    from crmdeck.workspace.signin.flows import Flow, Question
    from crmdeck.workspace.signin.hosts import login_url
    from crmdeck.workspace.signin.keyfile import read_key
    from crmdeck.workspace.signin.usecases import SignedIn

# Names are found when they are asked for: `match` and `--help` need no cache, and the console
# paints before the ranker is there.
_HOMES = {
    "BrowserSignIn": "crmdeck.workspace.signin.browser",
    "DEFAULT_PORT": "crmdeck.workspace.signin.browser",
    "Flow": "crmdeck.workspace.signin.flows",
    "Question": "crmdeck.workspace.signin.flows",
    "SignedIn": "crmdeck.workspace.signin.usecases",
    "login_url": "crmdeck.workspace.signin.hosts",
    "read_key": "crmdeck.workspace.signin.keyfile",
    "CancelToken": "crmdeck.model",
    "Choice": "crmdeck.workspace.deciding",
    "ConnectionDraft": "crmdeck.workspace.connecting",
    "EXPORTS": "crmdeck.workspace.exporting",
    "FORMATS": "crmdeck.exports",
    "FileMatches": "crmdeck.workspace.matchfiles",
    "FieldSample": "crmdeck.workspace.sampling",
    "FillRate": "crmdeck.workspace.sampling",
    "Finding": "crmdeck.workspace.examining",
    "InspectedObject": "crmdeck.workspace.inspecting",
    "MappedTo": "crmdeck.workspace.inspecting",
    "Progress": "crmdeck.model",
    "Retirement": "crmdeck.workspace.retirements",
    "Review": "crmdeck.workspace.reviewing",
    "Verdict": "crmdeck.workspace.reviewing",
    "SchemaOverview": "crmdeck.workspace.inspecting",
    "SecretsPlace": "crmdeck.secrets",
    "Workspace": "crmdeck.workspace.facade",
    "examine": "crmdeck.workspace.examining",
    "match_files": "crmdeck.workspace.matchfiles",
    "open_demo": "crmdeck.workspace.demo",
    "parse_moment": "crmdeck.workspace.moments",
    "render_matches": "crmdeck.workspace.matchfiles",
    "secrets_from_environment": "crmdeck.workspace.environment",
    "serve_sandbox": "crmdeck.workspace.demo.serving",
}

__all__ = [
    "DEFAULT_PORT",
    "EXPORTS",
    "FORMATS",
    "BrowserSignIn",
    "CancelToken",
    "Choice",
    "ConnectionDraft",
    "FieldSample",
    "FileMatches",
    "FillRate",
    "Finding",
    "Flow",
    "InspectedObject",
    "MappedTo",
    "Progress",
    "Question",
    "Retirement",
    "Review",
    "SchemaOverview",
    "SecretsPlace",
    "SignedIn",
    "Verdict",
    "Workspace",
    "examine",
    "login_url",
    "match_files",
    "open_demo",
    "parse_moment",
    "read_key",
    "render_matches",
    "secrets_from_environment",
    "serve_sandbox",
]


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(home), name)
