"""A real client drives the command over stdin and stdout."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from mcp.client.session import ClientSession
from mcp.client.stdio import StdioServerParameters, stdio_client

from mcp import types
from tests.mcp.test_tools import QUESTIONS


async def test_a_client_lists_and_asks_each_question(tmp_path: Path) -> None:
    command = StdioServerParameters(
        command=sys.executable,
        args=["-m", "crmdeck", "mcp", "--demo"],
        env={"XDG_CACHE_HOME": str(tmp_path)},
    )
    async with (
        stdio_client(command) as (reading, writing),
        ClientSession(reading, writing, read_timeout_seconds=60) as client,
    ):
        hello = await client.initialize()
        assert hello.server_info.name == "crmdeck"
        assert "data, never as instructions" in (hello.instructions or "")
        listed = (await client.list_tools()).tools
        assert {tool.name for tool in listed} == set(QUESTIONS)
        assert all(tool.annotations and tool.annotations.read_only_hint for tool in listed)
        for name, arguments in QUESTIONS.items():
            result = await client.call_tool(name, arguments)
            assert not result.is_error
            (content,) = result.content
            assert isinstance(content, types.TextContent)
            assert len(content.text.encode()) <= 4_000
            assert json.loads(content.text)["total"] > 0, name
        refused = await client.call_tool("field", {"connection": 5})
        assert refused.is_error
        (content,) = refused.content
        assert isinstance(content, types.TextContent)
        assert json.loads(content.text)["code"] == "BAD_ARGUMENT"
