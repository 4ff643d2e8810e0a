"""Where fields are used: cached answers, requests to the CRM, and the lines that show them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import NamedTuple

from textual.content import Content

from crmdeck.errors import CrmdeckError
from crmdeck.model import FieldUsage, UsageVerdict
from crmdeck.text import ago
from crmdeck.tui.host import Host
from crmdeck.tui.layout import wrap
from crmdeck.tui.loading.requests import Loader
from crmdeck.tui.text import display_text
from crmdeck.workspace import NOT_COVERED, usage_summary, uses_by_kind

USAGE_HELP = "Show where the field is used (asks the CRM)."

_LOOKS = {
    UsageVerdict.DEPENDED_ON: ("▲", "$warn"),
    UsageVerdict.LIKELY_SAFE: ("✓", "$good"),
    UsageVerdict.UNKNOWN: ("?", "$muted"),
}


class FieldPlace(NamedTuple):
    """A field, with the id of its connection and its object type."""

    connection_id: str
    object_type: str
    field_name: str


class UsageAsker:
    """Keeps where fields are used, for a pane.

    `show` is called on the event loop when something new is known.
    """

    def __init__(self, host: Host, loader: Loader, show: Callable[[], object]) -> None:
        self._host = host
        self._loader = loader
        self._show = show
        self._known: dict[FieldPlace, FieldUsage] = {}

    def of(self, place: FieldPlace) -> FieldUsage | None:
        """Return the last response about a field, if there is one."""
        return self._known.get(place)

    def read(self, ref: str | None) -> None:
        """Read the cached answers of a connection, or of all connections."""
        workspace = self._host.workspace
        self._loader.load(
            "usages",
            lambda _: {
                FieldPlace(*place): usage
                for place, usage in workspace.schemas.known_usages(ref).items()
            },
            self._on_loaded,
            quiet=True,
            cancellable=False,
            # Only the details show the responses; the rows come first.
            after_paint=True,
        )

    def ask(self, place: FieldPlace, then: Callable[[], object] = lambda: None) -> None:
        """Ask the CRM, and call `then` after the response or a failure."""
        workspace = self._host.workspace

        def asked(usage: FieldUsage) -> None:
            self._on_loaded({place: usage})
            # In a small window the response may be outside the visible part of the details.
            self._host.say(usage_summary(usage), title=place.field_name)
            then()

        def failed(error: CrmdeckError) -> None:
            self._host.say(str(error), title=f"Can't check {place.field_name}", severity="warning")
            then()

        self._loader.load(
            "usage",
            lambda job: workspace.schemas.usage(*place, cancel=job.cancel),
            asked,
            label=f"checking where {display_text(place.field_name, 40)} is used",
            failed=failed,
        )

    def _on_loaded(self, found: dict[FieldPlace, FieldUsage]) -> None:
        news = any(self._known.get(place) != usage for place, usage in found.items())
        self._known |= found
        if news:
            self._show()


def usage_lines(usage: FieldUsage | None, now: datetime, width: int) -> Iterator[Content]:
    """Yield where a field is used and what is unknown, in lines of at most `width` cells."""
    if usage is None:
        for line in wrap("? Usage not checked. o u checks it.", width):
            yield Content.styled(line, "$muted")
        return
    sign, color = _LOOKS[usage.verdict]
    at = usage.asked_at
    # The response may be newer than `now`.
    when = f" · checked {ago(at, max(at, now))}" if at is not None else ""
    for line in wrap(f"{sign} {usage_summary(usage)}{when}", width):
        yield Content.styled(line, color)
    for kind, names in uses_by_kind(usage).items():
        for index, line in enumerate(wrap(f"{kind}: {', '.join(names)}", width - 2)):
            yield Content(f"  {'' if index == 0 else '  '}{line}")
    # If there are no uses, the summary already has the first gap.
    unknown = usage.not_checked[0 if usage.uses else 1 :]
    if usage.verdict is UsageVerdict.LIKELY_SAFE:
        unknown = (NOT_COVERED,)
    for why in unknown:
        yield from (Content.styled(f"  {line}", "$muted") for line in wrap(why, width - 2))
