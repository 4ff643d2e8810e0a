"""Every key of the console in one table: for docs/keys.md, and for remapping keys."""

from __future__ import annotations

import pkgutil
from collections.abc import Mapping
from importlib import import_module

from crmdeck.tui import dialogs, screens, widgets
from crmdeck.tui.keys import actions
from crmdeck.tui.panes.registry import PANES


def load_all_actions() -> None:
    """Import everything that declares an action; the console itself loads panes as they come."""
    for package in (screens, widgets, dialogs):
        for module in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
            import_module(module.name)
    for spec in PANES:
        spec.load()


def key_table(keymap: Mapping[str, str] | None = None) -> str:
    """Return the keys of every place in Markdown; `keymap` remaps by action id."""
    load_all_actions()
    panes = "\n".join(f"| `{spec.key}` | show {spec.title} |" for spec in PANES)
    head = f"### Panes\n\n| key | what it does |\n|---|---|\n{panes}\n\n"
    return head + actions.key_table(keymap).rstrip() + "\n"


def key_records(keymap: Mapping[str, str] | None = None) -> list[dict[str, object]]:
    """Return every action with its id, its place, its keys and what it does."""
    load_all_actions()
    return [
        {
            "id": action.id,
            "scope": actions.scope_of(action),
            "keys": list(actions.keys_of(action, keymap or {})),
            "title": action.help or action.title,
        }
        for action in actions.actions()
    ]
