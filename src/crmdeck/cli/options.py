"""The options that every command takes."""

from __future__ import annotations

from typing import Annotated

import typer

from crmdeck.model import Severity

HomeOption = Annotated[
    str | None,
    typer.Option(
        "--home",
        help="The workspace: a folder or postgresql://HOST/DATABASE ($CRMDECK_HOME).",
        show_default=False,
    ),
]
DemoOption = Annotated[bool, typer.Option("--demo", help="Use the built-in demo workspace.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Answer in JSON, in the wire shape.")]
ReadOnlyOption = Annotated[
    bool, typer.Option("--read-only", help="Open the console so that nothing can be changed.")
]
NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="A connection's name or UUID.")]
PairArgument = Annotated[
    str, typer.Argument(metavar="PAIR", help="An object pair: deal_registration--Opportunity.")
]
EncoderOption = Annotated[
    str, typer.Option("--encoder", help="'auto', or 'none' to match without the sentence encoder.")
]
AtOption = Annotated[
    str | None,
    typer.Option("--at", help="As of a moment: 2026-05-16, 2026-05-16T12:00, or 7d ago."),
]
AnyNameArgument = Annotated[
    str | None,
    typer.Argument(metavar="[NAME]", help="A connection; without it all.", show_default=False),
]
NamesArgument = Annotated[list[str] | None, typer.Argument(metavar="[NAME]...", show_default=False)]
FailOnOption = Annotated[
    Severity | None,
    typer.Option("--fail-on", help="Exit with 4 where there is drift this bad or worse."),
]
RightAtOption = Annotated[
    str | None, typer.Option("--right-at", help="Likewise the right side of a comparison.")
]
