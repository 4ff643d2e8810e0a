"""Where the user was, saved per workspace; losing it is never an error."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from crmdeck.files import replace_text

FILE_NAME = "ui-state.json"
VERSION = 1


@dataclass
class UiState:
    """Pane, connection, theme, collapsed sidebar, and the state of each pane as JSON values.

    `recent` are the places that the user went to, latest first. `copy_kind` is the format of the
    last copy. `views` are the saved views and `columns` the chosen columns, by pane and table.
    """

    pane: str = ""
    connection_id: str = ""
    theme: str = ""
    sidebar_collapsed: bool = False
    panes: dict[str, dict[str, object]] = field(default_factory=dict)
    recent: list[dict[str, str]] = field(default_factory=list)
    copy_kind: str = ""
    views: dict[str, list[dict[str, object]]] = field(default_factory=dict)
    columns: dict[str, list[str]] = field(default_factory=dict)

    @classmethod
    def load(cls, home: Path) -> UiState:
        """Return the state saved in `home`, or an empty one if it is missing or damaged."""
        try:
            data = json.loads((home / FILE_NAME).read_text(encoding="utf-8"))
        # A deeply nested file raises RecursionError.
        except (OSError, ValueError, RecursionError):
            return cls()
        if not isinstance(data, dict) or data.get("version") != VERSION:
            return cls()
        panes, recent = data.get("panes"), data.get("recent")
        return cls(
            pane=_text(data.get("pane")),
            connection_id=_text(data.get("connection")),
            theme=_text(data.get("theme")),
            sidebar_collapsed=data.get("sidebarCollapsed") is True,
            panes={
                str(name): state
                for name, state in (panes.items() if isinstance(panes, dict) else ())
                if isinstance(state, dict)
            },
            recent=[
                {str(name): text for name, text in one.items() if isinstance(text, str)}
                for one in (recent if isinstance(recent, list) else ())
                if isinstance(one, dict)
            ],
            copy_kind=_text(data.get("copyKind")),
            views={
                name: [one for one in views if isinstance(one, dict)]
                for name, views in _lists(data.get("views")).items()
            },
            columns={
                name: [one for one in ids if isinstance(one, str)]
                for name, ids in _lists(data.get("columns")).items()
            },
        )

    def save(self, home: Path) -> None:
        """Write the state to `home` atomically, readable by its owner only."""
        data = {
            "version": VERSION,
            "pane": self.pane,
            "connection": self.connection_id,
            "theme": self.theme,
            "sidebarCollapsed": self.sidebar_collapsed,
            "panes": self.panes,
            "recent": self.recent,
            "copyKind": self.copy_kind,
            "views": self.views,
            "columns": self.columns,
        }
        # A full disk must not keep the user from quitting.
        with suppress(OSError, TypeError, ValueError):
            replace_text(home / FILE_NAME, json.dumps(data, indent=1))


def _lists(value: object) -> dict[str, list[object]]:
    found = value.items() if isinstance(value, dict) else ()
    return {str(name): each for name, each in found if isinstance(each, list)}


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
