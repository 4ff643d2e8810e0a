"""crmdeck mcp: answers for assistants."""

from __future__ import annotations

from crmdeck import mcp as assistants
from crmdeck import workspace
from crmdeck.cli.session import needs


@needs(extra="mcp")
def mcp(ws: workspace.Workspace, allow_suggestions: bool = False) -> None:
    """Answer the questions of an assistant over stdin and stdout (MCP).

    An assistant's client starts this command. It stops when the client closes stdin. The
    assistant can't decide: a suggestion of it appears in Mapping with its name and reason.
    """
    if allow_suggestions:
        ws.context.require_writable()
    assistants.serve_stdio(ws, suggestions=allow_suggestions)
