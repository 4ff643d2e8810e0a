"""A headless Chromium, driven through its DevTools protocol."""

from __future__ import annotations

import asyncio
import base64
import itertools
import json
import re
import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from aiohttp import ClientSession, ClientWebSocketResponse

NAMES = ("chromium", "chromium-browser", "google-chrome")
CHROMIUM = next(filter(None, map(shutil.which, NAMES)), None)
FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
    "--remote-debugging-port=0",
)
PATIENCE = 60.0
CODES = {"Enter": 13, "Escape": 27}
SEQUENCE = re.compile(rb"\x1b(?:\[[0-?]*[ -/]*[@-~]|\].*?(?:\x07|\x1b\\))")
MOVE = re.compile(rb"\x1b\[(\d+);\d+H")


class Tab:
    """A page, the addresses that it requested, and the traffic of its terminal.

    `received` has what the terminal was sent since `forget`, `size` its columns and rows.
    """

    def __init__(self, chromium: Chromium, session: str, target: str) -> None:
        self._chromium, self._session, self.target = chromium, session, target
        self.requested: list[str] = []
        self.received = b""
        self.size = (0, 0)

    def take(self, method: str, parameters: Any) -> None:
        """Take an event of the page."""
        match method:
            case "Network.requestWillBeSent":
                self.requested.append(parameters["request"]["url"])
            case "Network.webSocketCreated":
                self.requested.append(parameters["url"])
            case "Network.webSocketFrameReceived" if parameters["response"]["opcode"] == 2:
                self.received += base64.b64decode(parameters["response"]["payloadData"])
            case "Network.webSocketFrameSent" if parameters["response"]["opcode"] == 1:
                kind, *sent = json.loads(parameters["response"]["payloadData"])
                if kind == "resize":
                    self.size = (sent[0]["width"], sent[0]["height"])

    async def send(self, method: str, **parameters: object) -> Any:
        """Return the answer of the page to a command."""
        return await self._chromium.send(method, self._session, **parameters)

    async def becomes(self, expression: str, value: object) -> None:
        """Wait until a JavaScript expression, or its promise, has a value."""
        async with asyncio.timeout(PATIENCE):
            while True:
                answer = await self.send(
                    "Runtime.evaluate", expression=expression, awaitPromise=True
                )
                assert "exceptionDetails" not in answer, answer
                if answer["result"].get("value") == value:
                    return
                await asyncio.sleep(0.02)

    async def press(self, key: str) -> None:
        """Press a key: a character, Enter, or Escape."""
        text = key if len(key) == 1 else "\r" if key == "Enter" else ""
        code = CODES.get(key) or ord(key.upper())
        pressed = {"key": key, "windowsVirtualKeyCode": code}
        self.received = b""
        await self.send("Input.dispatchKeyEvent", type="keyDown", text=text, **pressed)
        await self.send("Input.dispatchKeyEvent", type="keyUp", **pressed)

    async def shows(self, text: str) -> None:
        """Wait until the terminal received `text` after the last key."""
        wanted = text.encode()
        await self._chromium.until(lambda: wanted in SEQUENCE.sub(b"", self.received))

    async def resize(self, width: int, height: int) -> None:
        """Give the window another size in pixels."""
        size = {"width": width, "height": height}
        await self.send(
            "Emulation.setDeviceMetricsOverride", **size, deviceScaleFactor=1, mobile=False
        )

    async def fills(self, before: tuple[int, int]) -> None:
        """Wait until the terminal received all rows of a size other than `before`."""

        def is_full() -> bool:
            # Frames of the size before may arrive as well; each whole frame begins at row 1.
            last, lasts = 0, set()
            for row in map(int, MOVE.findall(self.received)):
                if row < last:
                    lasts.add(last)
                last = row
            return self.size != before and self.size[1] in {*lasts, last}

        await self._chromium.until(is_full)


class Chromium:
    """The browser. Its events go to their tabs."""

    def __init__(self, socket: ClientWebSocketResponse) -> None:
        self._socket = socket
        self._numbers = itertools.count(1)
        self._answers: dict[int, asyncio.Future[Any]] = {}
        self._tabs: dict[str, Tab] = {}
        self._arrived = asyncio.Condition()

    async def send(self, method: str, session: str = "", **parameters: object) -> Any:
        """Return the answer to a command. Raises AssertionError if Chromium refuses it."""
        number = next(self._numbers)
        answer = self._answers[number] = asyncio.get_running_loop().create_future()
        command: dict[str, object] = {"id": number, "method": method, "params": parameters}
        await self._socket.send_json(command | ({"sessionId": session} if session else {}))
        async with asyncio.timeout(PATIENCE):
            message = await answer
        assert "error" not in message, (method, message)
        return message["result"]

    async def listen(self) -> None:
        """Take answers and events until the browser closes."""
        async for received in self._socket:
            message = received.json()
            if "id" in message:
                self._answers.pop(message["id"]).set_result(message)
            elif tab := self._tabs.get(message.get("sessionId", "")):
                tab.take(message["method"], message["params"])
            async with self._arrived:
                self._arrived.notify_all()

    async def until(self, is_met: Callable[[], bool]) -> None:
        """Wait until an event makes a condition true."""
        async with asyncio.timeout(PATIENCE), self._arrived:
            await self._arrived.wait_for(is_met)

    async def open(self, url: str, width: int, height: int) -> Tab:
        """Open a page in a new tab."""
        target = (await self.send("Target.createTarget", url="about:blank"))["targetId"]
        session = await self.send("Target.attachToTarget", targetId=target, flatten=True)
        tab = Tab(self, session["sessionId"], target)
        self._tabs[session["sessionId"]] = tab
        await tab.send("Network.enable")
        await tab.resize(width, height)
        await tab.send("Page.navigate", url=url)
        return tab

    async def close(self, tab: Tab) -> None:
        """Close a tab, as a user does."""
        await self.send("Target.closeTarget", targetId=tab.target)


@asynccontextmanager
async def chromium(profile: Path) -> AsyncIterator[Chromium]:
    """Run Chromium with a new profile."""
    assert CHROMIUM is not None
    process = await asyncio.create_subprocess_exec(
        *(CHROMIUM, *FLAGS, f"--user-data-dir={profile}", "about:blank"),
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stderr is not None
    try:
        async with asyncio.timeout(PATIENCE):
            line = b""
            while not line.startswith(b"DevTools listening on "):
                line = await process.stderr.readline()
                assert line, "Chromium didn't start."
        drained = asyncio.create_task(process.stderr.read())
        address = line.decode().split()[-1]
        async with ClientSession() as client, client.ws_connect(address, max_msg_size=0) as socket:
            browser = Chromium(socket)
            listening = asyncio.create_task(browser.listen())
            yield browser
            await browser.send("Browser.close")
            await listening
        await drained
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
