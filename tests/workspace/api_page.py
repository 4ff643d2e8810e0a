"""`docs/api.md`, its lists drawn from the services: `python -m tests.workspace.api_page`."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Iterator
from pathlib import Path

from crmdeck import workspace
from crmdeck.workspace import Copies, Documents, Places, Workspace

PAGE = Path(__file__).parents[2] / "docs" / "api.md"
BEGIN, END = "<!-- drawn: begin -->", "<!-- drawn: end -->"
OF_THE_CONSOLE = (Copies, Documents, Places)
FOR_FACES = {
    "ws": ("shared", "command_line", "head", "probe", "report_waits", "prepare"),
    "ws.signin": (
        "flows",
        "begin_browser",
        "ways_in",
        "choose_flow",
        "open_questions",
        "needs_own_host",
        "secrets_place",
        "place_for",
    ),
    "ws.schemas": ("versions", "overview", "inspect", "known_usages"),
    "ws.audit": ("record",),
    "ws.drift": (
        "see",
        "page",
        "known",
        "timeline",
        "read_on",
        "found_on",
    ),
    "ws.mappings": ("pair_names", "review", "review_and_suggest", "nearest"),
    "ws.checks": ("chosen", "require_format", "unread"),
    "ws.fleet": ("wait", "figures"),
    "ws.preflights": ("why_no_sample",),
    "ws.notices": ("require_ready",),
}
"""Left out: what only the command line, the console and the server need."""


def services() -> dict[str, type]:
    """Return the services of a workspace by the name that it has for them."""
    return {
        name: getattr(workspace, str(_hint(value.func)).removeprefix("workspace."))
        for name, value in vars(Workspace).items()
        if isinstance(value, functools.cached_property)
    }


def documented() -> dict[str, type]:
    """Return the services on the page: all but those that only the console needs."""
    return {name: kind for name, kind in services().items() if kind not in OF_THE_CONSOLE}


def listed(kind: type, name: str) -> list[tuple[str, object]]:
    """Return the methods that the page lists."""
    return [each for each in methods(kind) if each[0] not in FOR_FACES.get(name, ())]


def methods(kind: type) -> Iterator[tuple[str, object]]:
    """Yield what a class offers, in the order of its file."""
    for name, value in vars(kind).items():
        if name.startswith("_") or isinstance(value, functools.cached_property):
            continue
        yield name, value


def drawn() -> str:
    """Return the lists: one for the workspace, and one for each service."""
    parts = ["## The workspace", "", *_table(Workspace, "ws")]
    for name, service in documented().items():
        parts += ["", f"## `ws.{name}`", "", *_table(service, f"ws.{name}")]
    return "\n".join(parts)


def page(text: str) -> str:
    """Return the page with its lists drawn again."""
    head, _, rest = text.partition(BEGIN)
    _, _, tail = rest.partition(END)
    return f"{head}{BEGIN}\n\n{drawn()}\n\n{END}{tail}"


def _table(kind: type, name: str) -> list[str]:
    rows: list[str] = []
    made = vars(kind).get("__init__")
    if made is not None and made.__doc__:
        rows.append(f"- `{kind.__name__}{_arguments(made)}`. {_words(made.__doc__)}")
    for method, value in listed(kind, name):
        if isinstance(value, property):
            hint = _hint(value.fget)
            rows.append(f"- `{name}.{method}`: `{hint}`. {_words(value.__doc__)}")
            continue
        function = value.__func__ if isinstance(value, classmethod) else value
        assert callable(function)
        called = "Workspace" if isinstance(value, classmethod) else name
        rows.append(
            f"- `{called}.{method}{_arguments(function)}`: `{_hint(function)}`. "
            f"{_words(function.__doc__)}"
        )
    return rows


def _arguments(function: object) -> str:
    assert callable(function)
    shown = []
    for parameter in list(inspect.signature(function).parameters.values())[1:]:
        if parameter.kind in (parameter.KEYWORD_ONLY, parameter.VAR_KEYWORD):
            shown.append("...")
            break
        optional = parameter.default is not parameter.empty
        shown.append(f"[{parameter.name}]" if optional else parameter.name)
    return f"({', '.join(shown)})"


def _hint(function: object) -> str:
    hint = getattr(function, "__annotations__", {}).get("return", "")
    if hint.startswith("Iterator[") and hasattr(function, "__wrapped__"):
        return "with"
    return str(hint).replace("|", "or")


def _words(text: str | None) -> str:
    summary = " ".join(inspect.cleandoc(text or "").split("\n\n")[0].split())
    result = summary.removeprefix("Return ")
    return result[:1].upper() + result[1:]


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text("utf-8")), "utf-8")
