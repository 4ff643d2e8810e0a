"""crmdeck config."""

from __future__ import annotations

import json

from crmdeck import workspace
from crmdeck.cli.groups import command_group
from crmdeck.cli.listing import Listing, wire_columns
from crmdeck.cli.output import emit, emit_json
from crmdeck.home import require_home

app = command_group()


@app.command("list")
def list_all(listing: Listing, home: str | None = None) -> None:
    """List each setting with its value and origin."""
    require_home(home)
    listing.emit(
        workspace.list_settings(home),
        columns=wire_columns(workspace.Setting),
        table={
            "setting": "key",
            "value": lambda setting: json.dumps(setting.value),
            "default": lambda setting: json.dumps(setting.default),
            "from": "source",
        },
        least=("from", "default"),
    )


@app.command()
def get(key: str, home: str | None = None, as_json: bool = False) -> None:
    """Print a setting."""
    require_home(home)
    found = workspace.get_setting(key, home)
    if as_json:
        emit_json(found)
    else:
        emit(found.value if isinstance(found.value, str) else json.dumps(found.value))


@app.command("set")
def change(
    key: str,
    value: str,
    home: str | None = None,
    as_json: bool = False,
) -> None:
    """Change a setting, and keep everything else in its file."""
    # No `require_home`: a setting can be the first thing in a new workspace.
    changed = workspace.set_setting(key, value, home)
    if as_json:
        emit_json(changed)
    else:
        emit(f"{changed.key}\t{json.dumps(changed.value)}")
