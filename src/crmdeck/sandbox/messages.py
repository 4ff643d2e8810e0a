"""One request and one reply."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

JSON = "application/json;charset=UTF-8"


@dataclass(frozen=True)
class Request:
    """A request to one organization; `path` has neither its prefix nor the query."""

    method: str
    path: str
    query: Mapping[str, tuple[str, ...]]
    headers: Mapping[str, str]
    body: bytes

    @staticmethod
    def parse(method: str, target: str, headers: Mapping[str, str], body: bytes) -> Request:
        """Return the request to `target`: its path and query."""
        parts = urlsplit(target)
        return Request(
            method=method,
            path=parts.path.rstrip("/") or "/",
            query=_multi(parts.query),
            headers={name.lower(): value for name, value in headers.items()},
            body=body,
        )

    def first(self, name: str, default: str = "") -> str:
        return self.query.get(name, (default,))[0]

    def form(self) -> dict[str, str]:
        return {name: values[0] for name, values in _multi(self.body.decode("utf-8")).items()}

    def json(self) -> Any:
        """Return the JSON in the body. Raises ValueError for anything else."""
        return json.loads(self.body)

    @property
    def bearer(self) -> str:
        scheme, _, token = self.headers.get("authorization", "").partition(" ")
        return token.strip() if scheme.lower() == "bearer" else ""


@dataclass(frozen=True)
class Reply:
    """A response. `promised` is a wrong Content-Length, for a truncated body."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    content_type: str = JSON
    promised: int | None = None


def reply(data: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Reply:
    body = json.dumps(data, ensure_ascii=False, separators=(",", ":")).encode("utf-8")
    return Reply(status, body, headers or {})


def _multi(text: str) -> dict[str, tuple[str, ...]]:
    parsed = parse_qs(text, keep_blank_values=True)
    return {name: tuple(values) for name, values in parsed.items()}
