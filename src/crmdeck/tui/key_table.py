"""The keys of the console, for `crmdeck keys` and the docs."""

from __future__ import annotations

import pkgutil
from collections.abc import Mapping
from importlib import import_module

from crmdeck.tui import dialogs, screens, widgets
from crmdeck.tui.keys import actions
from crmdeck.tui.panes.registry import PANES


def load_all_actions() -> None:
    """Import all modules that declare actions. The console itself imports panes when they show."""
    for package in (screens, widgets, dialogs):
        for module in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
            # An action is known once the class that declares it exists.
            import_module(module.name)
    for spec in PANES:
        spec.load()


def key_records(keymap: Mapping[str, str] | None = None) -> list[dict[str, object]]:
    """Return all actions with their id, scope, keys and description."""
    load_all_actions()
    return [
        {
            "id": action.id,
            "scope": actions.scope_of(action),
            "keys": list(actions.keys_of(action, keymap or {})),
            "title": action.sentence,
        }
        for action in actions.actions()
    ]
