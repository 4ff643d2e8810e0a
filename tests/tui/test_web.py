"""The console in a browser: only the key opens it."""

from __future__ import annotations

import asyncio
import gc
import os
import re
import socket
import sys
from asyncio.subprocess import Process
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from aiohttp import ClientSession, CookieJar, web
from textual_serve.app_service import AppService

from crmdeck.errors import UsageError
from crmdeck.tui.web import GuardedServer, make_server
from tests.tui.chromium import CHROMIUM, PATIENCE, chromium


@pytest.fixture
def made(home: Path) -> GuardedServer:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    return make_server(["--home", str(home)], host="127.0.0.1", port=port)


@pytest.fixture
async def runner(made: GuardedServer) -> AsyncIterator[web.AppRunner]:
    runner = web.AppRunner(await made._make_app())
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", made.port).start()
    yield runner
    await runner.cleanup()
    # The event loop reaps the process of textual-serve, so it must outlive it.
    await asyncio.sleep(0.3)
    gc.collect()


@pytest.fixture
def server(made: GuardedServer, runner: web.AppRunner) -> GuardedServer:
    """The running server."""
    return made


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
        async with browser.get(server.url_with_key) as answer:
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


@pytest.mark.skipif(CHROMIUM is None, reason="Chromium isn't installed.")
async def test_in_chromium(
    runner: web.AppRunner,
    server: GuardedServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sessions: list[Process] = []

    class Session(AppService):
        async def _open_app_process(self, width: int = 80, height: int = 24) -> Process:
            sessions.append(await super()._open_app_process(width, height))
            return sessions[-1]

    async def exit_code(number: int) -> int:
        async with asyncio.timeout(PATIENCE):
            return await sessions[number].wait()

    monkeypatch.setattr("textual_serve.server.AppService", Session)
    async with chromium(tmp_path / "chromium") as browser:
        # A browser with a window lets its page in front write to the clipboard.
        clipboard = ["clipboardReadWrite", "clipboardSanitizedWrite"]
        await browser.send(
            "Browser.grantPermissions", permissions=clipboard, origin=server.public_url
        )
        tab = await browser.open(server.url_with_key, 1200, 800)
        await tab.shows("Connections")
        await tab.press("2")
        await tab.shows("Contact")
        await tab.press("y")
        await tab.shows("Copy as")
        await tab.press("Enter")
        await tab.shows("Copied Account")
        await tab.becomes("navigator.clipboard.readText()", "Account")
        tab.received, before = b"", tab.size
        await tab.resize(900, 600)
        await tab.fills(before)

        # A second tab has a session of its own, which outlives the first.
        other = await browser.open(server.public_url, 1000, 700)
        await other.shows("Contact")
        await browser.close(tab)
        assert await exit_code(0) == 0
        await other.press("5")
        await other.shows("Audit log")

        await other.press("q")
        assert await exit_code(1) == 0
        await other.becomes("document.activeElement.innerText", "Open a new one")
        await other.press("Enter")
        await other.shows("Audit log")

        requested = [*tab.requested, *other.requested]
        assert len(requested) > 10
        assert {urlsplit(url).netloc for url in requested} == {urlsplit(server.public_url).netloc}

        # A server that stops ends the sessions of open tabs.
        await runner.shutdown()
        assert await exit_code(2) == 0


@pytest.mark.skipif(CHROMIUM is not None, reason="Chromium tests it.")
async def test_with_the_key_a_browser_shows_the_console(server: GuardedServer) -> None:
    async with ClientSession(cookie_jar=CookieJar(unsafe=True)) as browser:
        await (await browser.get(server.url_with_key)).read()
        socket_ = await browser.ws_connect(f"{server.public_url}/ws?width=100&height=30")
        seen = b""
        async with asyncio.timeout(20):
            while b"acme" not in seen:
                message = await socket_.receive()
                seen += message.data if isinstance(message.data, bytes) else b""
        await socket_.close()


@pytest.mark.skipif(sys.platform == "win32", reason="Pipes of Unix.")
async def test_a_session_stops_when_its_server_is_gone(home: Path) -> None:
    # A killed server closes both pipes.
    session = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "crmdeck", "console", "--home", str(home)),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, "TEXTUAL_DRIVER": "textual.drivers.web_driver:WebDriver"},
    )
    assert session.stdin is not None
    assert session.stdout is not None
    async with asyncio.timeout(PATIENCE):
        await session.stdout.readuntil(b"acme")
        session.stdin.close()
        await session.stdout.read()
        assert await session.wait() == 0


async def test_the_address_comes_only_once_the_server_listens(
    made: GuardedServer, capsys: pytest.CaptureFixture[str]
) -> None:
    runner = web.AppRunner(await made._make_app())
    await runner.setup()
    assert capsys.readouterr().out == ""
    await runner.cleanup()


def test_the_address_of_an_ipv6_loopback_has_brackets() -> None:
    assert make_server([], host="::1", port=8000).public_url == "http://[::1]:8000"


def test_it_stays_on_this_machine() -> None:
    with pytest.raises(UsageError, match="Only loopback"):
        make_server([], host="0.0.0.0", port=8000)
