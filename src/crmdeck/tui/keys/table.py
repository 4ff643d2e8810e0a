"""The key table of the console: for docs/keys.md and for `crmdeck keys`."""

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
            import_module(module.name)
    for spec in PANES:
        spec.load()


def key_table(keymap: Mapping[str, str] | None = None) -> str:
    """Return the keys of all scopes in Markdown; `keymap` remaps by action id."""
    load_all_actions()
    panes = "\n".join(f"| `{spec.key}` | Show {spec.title}. |" for spec in PANES)
    head = f"### Panes\n\n| Key | What it does |\n|---|---|\n{panes}\n\n"
    return head + actions.key_table(keymap).rstrip() + "\n"


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
