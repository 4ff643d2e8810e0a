"""crmdeck web: the console in a browser."""

from __future__ import annotations

from typing import Annotated

import typer

from crmdeck.cli.options import DemoOption, HomeOption
from crmdeck.cli.session import failing
from crmdeck.errors import UsageError


def web(
    host: Annotated[str, typer.Option("--host", help="An address of loopback.")] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", min=1, max=65535)] = 8000,
    read_only: Annotated[
        bool, typer.Option("--read-only", help="Open the console so that nothing can be changed.")
    ] = False,
    home: HomeOption = None,
    demo: DemoOption = False,
) -> None:
    """Serve the console to a browser on this machine; prints the address to open.

    Needs the extra: pip install 'crmdeck[web]'.
    """
    with failing():
        try:
            from crmdeck.tui.web import serve_web
        except ImportError as error:
            raise UsageError(
                "The console in a browser needs an extra that is not installed.",
                cause=f"{error.name} is missing.",
                remedy="pip install 'crmdeck[web]'",
                code="EXTRA_MISSING",
            ) from None
        serve_web(home, demo=demo, read_only=read_only, host=host, port=port)
