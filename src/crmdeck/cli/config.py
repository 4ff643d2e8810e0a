"""crmdeck config."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from crmdeck import workspace
from crmdeck.cli.groups import command_group
from crmdeck.cli.listing import Listing, lists, wire_columns
from crmdeck.cli.options import HomeOption, JsonOption
from crmdeck.cli.output import emit, emit_json
from crmdeck.cli.session import failing
from crmdeck.home import require_home

app = command_group()

KeyArgument = Annotated[str, typer.Argument(metavar="KEY", help="Name of a setting.")]


@app.command("list")
@lists
def list_all(listing: Listing, home: HomeOption = None) -> None:
    """List each setting with its value and origin."""
    with failing(listing.as_json):
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
def get(key: KeyArgument, home: HomeOption = None, as_json: JsonOption = False) -> None:
    """Print a setting."""
    with failing(as_json):
        require_home(home)
        found = workspace.get_setting(key, home)
        if as_json:
            emit_json(found)
        else:
            emit(found.value if isinstance(found.value, str) else json.dumps(found.value))


@app.command("set")
def change(
    key: KeyArgument,
    value: Annotated[
        str, typer.Argument(metavar="VALUE", help="New value ('' restores the default).")
    ],
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Change a setting, and keep everything else in its file."""
    with failing(as_json):
        # No `require_home`: a setting can be the first thing in a new workspace.
        changed = workspace.set_setting(key, value, home)
        if as_json:
            emit_json(changed)
        else:
            emit(f"{changed.key}\t{json.dumps(changed.value)}")
