"""The console in a browser: only the key opens it."""

from __future__ import annotations

import asyncio
import gc
import re
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import ClientSession, CookieJar, web

from crmdeck.errors import UsageError
from crmdeck.tui.web import GuardedServer, make_server


@pytest.fixture
async def server(home: Path) -> AsyncIterator[GuardedServer]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    served = make_server(["--home", str(home)], host="127.0.0.1", port=port)
    runner = web.AppRunner(await served._make_app())
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    yield served
    await runner.cleanup()
    # The event loop reaps the process of textual-serve, so it must outlive it.
    await asyncio.sleep(0.3)
    gc.collect()


async def test_the_key_opens_and_nothing_else_does(server: GuardedServer) -> None:
    async with ClientSession(cookie_jar=CookieJar(unsafe=True)) as browser:

        async def status(path: str, **headers: str) -> int:
            url = f"{server.public_url}{path}"
            async with browser.get(url, headers=headers) as answer:
                return answer.status

        for path in ("/", "/?key=wrong", "/ws", "/static/", "/download/1"):
            assert await status(path) == 403, path
        assert await status(f"/?key={server.key}") == 200
        assert await status("/") == 200
        assert await status("/", Host="evil.example") == 403
        assert await status("/ws", Origin="http://evil.example") == 403


async def test_the_page_asks_no_other_host(server: GuardedServer) -> None:
    async with ClientSession(cookie_jar=CookieJar(unsafe=True)) as browser:
        async with browser.get(server.door) as answer:
            page, policy = await answer.text(), answer.headers["Content-Security-Policy"]
        assert re.findall(r"https?://(?!127\.0\.0\.1:)[^\s\"']+", page) == []
        assert re.findall(r"\bon\w+=|<script>", page) == []
        assert "default-src 'none'" in policy
        assert "script-src 'self';" in policy
        asked = re.findall(r"http://127\.0\.0\.1:\d+(/static/[^\s\"')]+)", page)
        assert len(asked) == 4
        for path in asked:
            async with browser.get(f"{server.public_url}{path}") as answer:
                assert answer.status == 200, path
                if path.endswith(".css"):
                    assert "url(" not in await answer.text()


async def test_with_the_key_a_browser_shows_the_console(server: GuardedServer) -> None:
    async with ClientSession(cookie_jar=CookieJar(unsafe=True)) as browser:
        await (await browser.get(server.door)).read()
        socket_ = await browser.ws_connect(f"{server.public_url}/ws?width=100&height=30")
        seen = b""
        async with asyncio.timeout(20):
            while b"acme" not in seen:
                message = await socket_.receive()
                seen += message.data if isinstance(message.data, bytes) else b""
        await socket_.close()


def test_the_address_of_an_ipv6_loopback_has_brackets() -> None:
    assert make_server([], host="::1", port=8000).public_url == "http://[::1]:8000"


def test_it_stays_on_this_machine() -> None:
    with pytest.raises(UsageError, match="only on loopback"):
        make_server([], host="0.0.0.0", port=8000)
