"""What there is to choose from for time travel and comparison. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from crmdeck.model import Connection, DriftEvent
from crmdeck.tui.dialogs.choose import Choice
from crmdeck.tui.health import PLATFORM_NAMES, ago
from crmdeck.tui.panes.schema.detail import counted
from crmdeck.tui.text import count
from crmdeck.tui.widgets.table import Column

NOW = "now"

COLUMNS: tuple[Column[Choice], ...] = (
    Column("label", "", lambda choice: choice.label, width=28),
    Column("detail", "", lambda choice: choice.detail, style=lambda _: "muted", min_width=12),
)


def moment_choices(
    moments: Sequence[datetime], events: Iterable[DriftEvent], now: datetime | None
) -> list[Choice]:
    """Return now and the moments at which a schema changed, newest first, with what changed."""
    choices = [Choice(NOW, NOW, "the schema as it was last read")]
    for moment in moments:
        found = [event for event in events if event.detected_at == moment]
        first = moment == moments[-1]
        changes = counted(found) if found else "first look" if first else ""
        passed = ago(moment, now) if now is not None else ""
        choices.append(Choice(moment, f"{moment:%Y-%m-%d %H:%M}  {passed}", changes))
    return choices


def connection_choices(
    ref: str, connections: Iterable[Connection], moments: Mapping[str, Sequence[datetime]]
) -> list[Choice]:
    """Return the connections but `ref`; those of its platform first, which have more in common."""
    platform = {one.id: one.platform for one in connections}
    others = [one for one in connections if one.id != ref]
    others.sort(key=lambda one: one.platform is not platform.get(ref))
    choices = []
    for one in others:
        known = moments[one.id]
        state = count(len(known), "moment") if known else "no schema read yet"
        choices.append(Choice(one.id, one.name, f"{PLATFORM_NAMES[one.platform]} · {state}"))
    return choices
