"""The options and arguments that several commands share."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Annotated

import typer

from crmdeck.model import Severity

HomeOption = Annotated[
    str | None,
    typer.Option(
        "--home",
        help="Workspace: a folder or postgresql://HOST/DATABASE (default: $CRMDECK_HOME).",
        show_default=False,
    ),
]
DemoOption = Annotated[bool, typer.Option("--demo", help="Use the built-in demo workspace.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON in the API's format.")]
ReadOnlyOption = Annotated[bool, typer.Option("--read-only", help="Open the console read-only.")]
NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="Connection name.")]
NamesArgument = Annotated[
    list[str] | None,
    typer.Argument(metavar="[NAME]...", help="Connection name (default: all).", show_default=False),
]
PairArgument = Annotated[
    str, typer.Argument(metavar="PAIR", help="Object pair: deal_registration--Opportunity.")
]
EncoderOption = Annotated[
    str, typer.Option("--encoder", help="'auto', or 'none' to match without the sentence encoder.")
]
SinceOption = Annotated[str | None, typer.Option("--since", help="Start date: 2026-05-16, or 7d.")]
UntilOption = Annotated[str | None, typer.Option("--until", help="End date: 2026-05-16, or 7d.")]
AtOption = Annotated[
    str | None, typer.Option("--at", help="As of a date: 2026-05-16, 2026-05-16T12:00, or 7d.")
]
RightAtOption = Annotated[
    str | None, typer.Option("--right-at", help="As of a date, for the right side: 2026-05-16.")
]
SeverityOption = Annotated[Severity | None, typer.Option("--severity", help="Minimum severity.")]
FailOnOption = Annotated[
    Severity | None,
    typer.Option("--fail-on", help="Exit with 4 if a change has at least this severity."),
]
RefreshOption = Annotated[
    bool, typer.Option("--refresh/--no-refresh", help="Refresh first, or check the cache.")
]
OutputOption = Annotated[
    Path | None,
    typer.Option("--output", "-o", help="Output file (default: stdout).", show_default=False),
]
DryRunOption = Annotated[
    bool, typer.Option("--dry-run", help="Show what would change, and change nothing.")
]
YesOption = Annotated[
    bool, typer.Option("--yes", help="Don't ask before changing several rows at a terminal.")
]
LimitOption = Annotated[int | None, typer.Option("--limit", min=1, help="Maximum number of rows.")]
SortOption = Annotated[
    str | None,
    typer.Option("--sort", metavar="COLUMN,...", help="Sort by columns; -COLUMN for descending."),
]
ColumnsOption = Annotated[
    str | None,
    typer.Option("--columns", metavar="COLUMN,...", help="Columns to show, by their JSON names."),
]
ForceOption = Annotated[bool, typer.Option("--force", help="Overwrite an existing file.")]


def parameters_of(options: Callable[..., object]) -> list[inspect.Parameter]:
    """Return the parameters that a function or a class declares as options."""
    return list(inspect.signature(options, eval_str=True).parameters.values())


def add_options(
    run: Callable[..., None],
    command: Callable[..., object],
    options: Iterable[inspect.Parameter],
    *,
    instead_of: str,
) -> None:
    """Give `run` the signature of a command, with `options` instead of one of its arguments.

    Typer reads the options from the signature. --json stays last.
    """
    # Evaluating this annotation would load the workspace before help is shown.
    command.__annotations__.pop("ws", None)
    kept = [each for each in parameters_of(command) if each.name != instead_of]
    ordered = sorted([*kept, *options], key=lambda each: each.name == "as_json")
    run.__signature__ = inspect.Signature(ordered)  # type: ignore[attr-defined]
