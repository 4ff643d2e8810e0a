"""crmdeck team."""

from __future__ import annotations

from crmdeck import workspace
from crmdeck.cli.groups import command_group
from crmdeck.cli.output import emit
from crmdeck.cli.session import needs

app = command_group()


# Typer turns a group with one command and no callback into that command.
@app.callback()
def team() -> None:
    pass


@app.command("grants")
@needs(demo=False)
def print_grants(ws: workspace.Workspace) -> None:
    """Print the SQL for the roles of a team's database, to run as a superuser.

    Readers read, writers only add to the history, and servers also keep accounts. The SQL also
    revokes wider rights. Run it again after an upgrade.
    """
    emit(workspace.grants_sql(ws).rstrip("\n"))
