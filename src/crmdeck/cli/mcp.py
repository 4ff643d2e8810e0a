"""crmdeck mcp: answers for assistants."""

from __future__ import annotations

from crmdeck.cli.options import DemoOption, HomeOption
from crmdeck.cli.session import open_workspace, with_extra


def mcp(home: HomeOption = None, demo: DemoOption = False) -> None:
    """Answer the questions of an assistant over stdin and stdout (MCP), read-only.

    An assistant's client starts this command. It stops when the client closes stdin.
    """
    with open_workspace(home, demo) as ws, with_extra("answer assistants", "mcp"):
        from crmdeck.mcp import serve_stdio

        serve_stdio(ws)
