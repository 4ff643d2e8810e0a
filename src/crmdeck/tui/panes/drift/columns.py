"""The columns of the timeline, and the filter keys of changes. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime

from crmdeck.model import ChangeState, DriftKind
from crmdeck.tui.filters import AGO, FilterKey, flag_key, moment_of, one_of, text_key, words_key
from crmdeck.tui.marks import SEVERITY_SIGNS, SEVERITY_STATES
from crmdeck.tui.panes.drift.arrangement import TimelineRow
from crmdeck.tui.widgets.table import Column
from crmdeck.tui.widgets.table.columns import some
from crmdeck.workspace import (
    KIND_WORDS,
    VALUE_SIGNS,
    ChangeEntry,
    Standing,
    Timeline,
    ValueChange,
    shown_changes,
    value_text,
)

LEAST_OBJECT = 4
"""Cells that an object's name keeps next to a long field name."""

SHORT_OBJECT = 8
"""Object names that are never shortened further."""

UNSEEN = "◆ "
"""Before the change that this user has not looked at."""

SETTLED_SIGNS = {
    ChangeState.ACKNOWLEDGED: "✓",
    ChangeState.REPAIRED: "✓",
    ChangeState.RESOLVED: "↺",
    ChangeState.EXCUSED: "⊘",
}
"""The sign of a settled change, instead of that of its severity."""


def sign_text(line: TimelineRow) -> str:
    """Return the fold, then the sign of the severity, or of what settled it."""
    if line.is_title:
        return line.where
    fold = " " if line.open is None else "▾" if line.open else "▸"
    sign = SETTLED_SIGNS[line.settled] if line.settled else SEVERITY_SIGNS[line.severity]
    return f"{fold}{sign}"


def settled_words(standing: Standing) -> str:
    """Return the words for a settled change: `changed back 2026-05-02`."""
    match standing.state:
        case ChangeState.RESOLVED if standing.at is not None:
            return f"changed back {standing.at:%Y-%m-%d}"
        case ChangeState.EXCUSED:
            until = standing.excuse.until if standing.excuse is not None else None
            return f"excused until {until:%Y-%m-%d}" if until else "excused"
        case ChangeState.REPAIRED:
            return "mapping fixed"
        case ChangeState.ACKNOWLEDGED:
            return "acknowledged"
    return ""


def what_text(line: TimelineRow) -> str:
    """Return the change, and whether it is unseen or what settled it."""
    if line.entry is None:
        return line.what
    settled = settled_words(line.entry.standing)
    if line.settled in (ChangeState.RESOLVED, ChangeState.EXCUSED):
        return settled
    unseen = UNSEEN if line.is_unseen else ""
    return f"{unseen}{line.what}" + (f", {settled}" if settled else "")


def fit_what(line: TimelineRow, width: int) -> str:
    """Return the change in `width` cells, in a shorter form if that helps."""
    whole = what_text(line)
    if len(whole) <= width or line.settled in (ChangeState.RESOLVED, ChangeState.EXCUSED):
        return whole
    # Words about what settled it are left out first: its sign shows that too.
    unseen = UNSEEN if line.entry is not None and line.settled is None and line.is_unseen else ""
    return unseen + _shorter(line, width - len(unseen))


def _shorter(line: TimelineRow, width: int) -> str:
    if len(line.what) <= width or line.entry is None:
        return line.what
    entry, event = line.entry, line.entry.event
    names = [change.attribute for change in shown_changes(event.changes)]
    if entry.twin is not None:
        new = line.renamed_to
        return f"→ {new}?" if new and len(new) + 3 <= width else "renamed?"
    if names == ["picklist"]:
        ways = Counter(value.how for value in entry.values)
        counted = [f"{sign}{ways[how]:,}" for how, sign in VALUE_SIGNS.items() if ways[how]]
        whole = " ".join([*counted, "values"])
        return whole if len(whole) <= width else " ".join(counted)
    if names == ["label"]:
        return "new label"
    if len(names) != 1:
        # The name next to it shows that the change is about an object.
        return line.what.removeprefix("object ")
    brief = line.what.removeprefix(f"{names[0]} ").removeprefix("now ")
    before, arrow, after = brief.rpartition(" → ")
    # The new value alone is more useful than half of the old one.
    return f"→ {after}" if len(brief) > width and before and arrow else brief


def _sign_tooltip(line: TimelineRow) -> str:
    if line.is_title:
        return ""
    words = [line.severity.value]
    if line.settled:
        words.append(
            settled_words(line.entry.standing) if line.entry is not None else "all settled"
        )
    if line.is_unseen:
        words.append("not seen yet")
    if line.open is not None:
        words.append("z collapses it" if line.open else f"z expands {len(line.entries):,} changes")
    return ", ".join(words)


def state_of(line: TimelineRow) -> str:
    return "muted" if line.settled else SEVERITY_STATES[line.severity]


def _where_state(line: TimelineRow) -> str:
    return "muted" if line.settled and not line.is_title else ""


def where_text(line: TimelineRow) -> str:
    """Return object and field, or the title of a group with the mark of unseen changes."""
    return f"{UNSEEN}{line.where}" if line.story is not None and line.is_unseen else line.where


def fit_place(line: TimelineRow, width: int) -> str:
    """Return object and field in `width` cells: the object is cut before the field."""
    whole = where_text(line)
    if line.entry is None or len(whole) <= width:
        return whole
    name = line.entry.event.rule or line.entry.event.field_name
    if name is None:
        return whole
    before = whole[: len(whole) - len(name) - 1]
    room = max(LEAST_OBJECT, width - len(name) - 1)
    return whole if len(before) <= SHORT_OBJECT else f"{before[: room - 1]}….{name}"


def fit_who(line: TimelineRow, width: int) -> str:
    """Return who changed it in `width` cells: `T. Okafor` if the whole name doesn't fit."""
    name = who_text(line)
    first, _, last = name.partition(" ")
    return name if len(name) <= width or not last else f"{first[:1]}. {last}"


def fit_maps(line: TimelineRow, width: int) -> str:
    """Return the PartnerOS fields that a change touches, or their number if they don't fit."""
    if not line.mapped or line.is_title:
        return ""
    names = maps_text(line)
    return names if names and len(names) <= width else str(line.mapped)


def maps_text(line: TimelineRow) -> str:
    """Return the PartnerOS fields that a single change touches."""
    keys = line.entry.event.affected_mappings if line.entry is not None else ()
    return ", ".join(key.rpartition(":")[2] for key in keys)


NOBODY = "-"
MOST_SIDE = 40


def who_text(line: TimelineRow) -> str:
    """Return who made the changes of a row, or that several users did."""
    if line.is_title:
        return ""
    names = {entry.event.changed_by for entry in line.entries}
    return names.pop() or NOBODY if len(names) == 1 else "several"


def _has_authors(lines: Sequence[TimelineRow]) -> bool:
    # Keep the column while the table is empty, or it would appear with the first rows.
    return not lines or any(who_text(line) not in ("", NOBODY) for line in lines)


def _note(line: TimelineRow) -> str:
    return (line.entry.event.note or "") if line.entry is not None else ""


def _sides(line: TimelineRow) -> tuple[str, str]:
    changes = shown_changes(line.entry.event.changes) if line.entry is not None else ()
    # Of a picklist, `what` counts the values, and the details list them.
    if len(changes) != 1 or changes[0].attribute == "picklist":
        return "", ""
    return value_text(changes[0].before, MOST_SIDE), value_text(changes[0].after, MOST_SIDE)


def _is_mapped(line: TimelineRow) -> bool:
    return line.entry is not None and line.mapped > 0


COLUMNS: tuple[Column[TimelineRow], ...] = (
    Column(
        "sign",
        "",
        sign_text,
        style=lambda line: "strong" if line.is_title else state_of(line),
        width=2,
        searched=False,
        sort_key=lambda line: (line.settled is not None, -line.severity.rank),
        reach=lambda line: "what" if line.is_title else "",
        tooltip=_sign_tooltip,
    ),
    Column(
        "severity",
        "Severity",
        lambda line: "" if line.is_title else line.severity.value,
        style=state_of,
        width=8,
        searched=False,
        sortable=False,
    ),
    Column(
        "connection",
        "Connection",
        lambda line: line.connection,
        style=_where_state,
        least=10,
        most=20,
        needed=some(lambda line: line.connection),
        searched=False,
    ),
    Column(
        "where",
        "Object and field",
        lambda line: "" if line.is_title else where_text(line),
        fit=fit_place,
        style=_where_state,
        least=20,
        most=80,
        reach=lambda line: "what" if line.story is not None else "",
    ),
    Column("what", "Change", what_text, fit=fit_what, style=_where_state, least=12, most=40),
    Column("by", "Who", who_text, fit=fit_who, least=9, most=16, needed=_has_authors),
    Column(
        "day",
        "Day",
        lambda line: line.when,
        least=6,
        most=9,
        align="right",
        searched=False,
        sort_key=lambda line: line.at,
    ),
    Column(
        "mapped",
        "Mapping",
        maps_text,
        fit=fit_maps,
        style=lambda line: "muted" if line.settled else "accent",
        least=4,
        most=24,
        short="Maps",
        needed=some(_is_mapped),
        searched=False,
        sort_key=lambda line: -line.mapped,
    ),
    Column(
        "before",
        "Before",
        lambda line: _sides(line)[0],
        style=lambda _: "error",
        least=6,
        most=MOST_SIDE,
        needed=some(lambda line: _sides(line)[0]),
        searched=False,
    ),
    Column(
        "after",
        "After",
        lambda line: _sides(line)[1],
        style=lambda _: "ok",
        least=5,
        most=MOST_SIDE,
        needed=some(lambda line: _sides(line)[1]),
        searched=False,
    ),
    Column("note", "Note", _note, style=lambda _: "muted", least=4, most=40, needed=some(_note)),
)

GIVES = (
    ("what", 26),
    ("note", 0),
    ("before", 0),
    ("after", 0),
    ("mapped", 4),
    ("what", 16),
    ("severity", 0),
    ("by", 9),
    ("what", 12),
    ("connection", 10),
    ("mapped", 0),
    ("connection", 0),
    ("day", 0),
    ("by", 0),
    ("what", 8),
    ("where", 20),
)
"""Object and field stay whole while they can."""


_STATES = {"removed": "error", "added": "ok", "changed": "warn"}
VALUE_COLUMNS: tuple[Column[ValueChange], ...] = (
    Column("how", "", lambda value: value.how, style=lambda value: _STATES[value.how], width=7),
    Column("value", "Value", lambda value: value.value, least=12),
    Column("detail", "", lambda value: value.detail, style=lambda _: "muted"),
)


def filter_keys(timeline: Timeline) -> dict[str, FilterKey[ChangeEntry]]:
    """Return the filter keys; `since:` counts from the time of the timeline."""
    now, names = timeline.now, timeline.names
    return {
        "open": flag_key(lambda entry: entry.is_open),
        "state": text_key(
            lambda entry: entry.standing.state.value,
            # The screen calls these changes safe.
            lambda value: "safe" if value == ChangeState.INFO else value,
        ),
        "breaks": flag_key(timeline.breaks),
        "severity": text_key(lambda entry: entry.event.severity.value),
        "object": text_key(lambda entry: entry.event.object_type),
        "field": text_key(lambda entry: entry.event.field_name),
        "attr": words_key(lambda entry: (one.attribute for one in entry.event.changes)),
        "kind": FilterKey(
            _is_kind,
            lambda entry: (entry.event.kind.value,),
            words=lambda value: KIND_WORDS[DriftKind(value)],
        ),
        "seen": flag_key(lambda entry: entry.seen),
        "ack": flag_key(lambda entry: entry.acknowledged),
        "mapped": flag_key(lambda entry: bool(entry.event.affected_mappings)),
        "group": flag_key(_is_grouped),
        "story": flag_key(_is_grouped)._replace(old=True),
        "who": text_key(lambda entry: entry.event.changed_by),
        "connection": text_key(lambda entry: names.get(entry.event.connection_id)),
        "on": text_key(lambda entry: entry.event.detected_at.strftime("%Y-%m-%d")),
        "since": FilterKey(lambda entry, wanted: _is_since(entry, wanted, now), examples=AGO),
    }


def searched(entry: ChangeEntry) -> Iterable[str]:
    return entry.texts


def _is_grouped(entry: ChangeEntry) -> bool:
    return entry.event.story is not None


def _is_kind(entry: ChangeEntry, wanted: str) -> bool:
    # Accepts `removed`, `field_removed`, `object`, `renamed`, and their beginnings.
    kind = entry.event.kind
    if entry.twin is not None and "renamed".startswith(wanted):
        return True
    _, _, happened = kind.value.partition("_")
    return (
        one_of(kind.value, wanted)
        or one_of(happened, wanted)
        or (kind is DriftKind.OBJECT_OUT_OF_SCOPE and "scope".startswith(wanted))
    )


def _is_since(entry: ChangeEntry, wanted: str, now: datetime) -> bool:
    since = moment_of(wanted, now)
    # Until a time is typed whole, it hides nothing.
    return since is None or entry.event.detected_at >= since
