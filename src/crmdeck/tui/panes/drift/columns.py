"""The columns of the timeline, and the filter keys of changes. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from crmdeck.model import ChangeState, DriftKind
from crmdeck.tui.filters import AGO, FilterKey, flag_key, moment_of, one_of, text_key, words_key
from crmdeck.tui.marks import SEVERITY_SIGNS, SEVERITY_STATES
from crmdeck.tui.panes.drift.arrangement import Line
from crmdeck.tui.widgets.table import Column
from crmdeck.tui.widgets.table.columns import GAP, SIGN_GAP, longest
from crmdeck.tui.widgets.table.strips import GUTTER
from crmdeck.workspace import (
    KIND_WORDS,
    VALUE_SIGNS,
    Entry,
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


def sign_text(line: Line) -> str:
    """Return the fold, then the sign of the severity, or of what settled it."""
    if line.is_title:
        return line.where
    fold = " " if line.open is None else "▾" if line.open else "▸"
    sign = SETTLED_SIGNS[line.settled] if line.settled else SEVERITY_SIGNS[line.severity]
    return f"{fold}{sign}"


def settled_words(standing: Standing) -> str:
    """Return what settled a change: `changed back 2026-05-02`."""
    match standing.state:
        case ChangeState.RESOLVED if standing.at is not None:
            return f"changed back {standing.at:%Y-%m-%d}"
        case ChangeState.EXCUSED:
            until = standing.excuse.until if standing.excuse is not None else None
            return f"excused until {until:%Y-%m-%d}" if until else "excused"
        case ChangeState.REPAIRED:
            return "mapping repaired"
        case ChangeState.ACKNOWLEDGED:
            return "acknowledged"
    return ""


def what_text(line: Line) -> str:
    """Return the change, and whether it is unseen or what settled it."""
    if line.entry is None:
        return line.what
    settled = settled_words(line.entry.standing)
    if line.settled in (ChangeState.RESOLVED, ChangeState.EXCUSED):
        return settled
    unseen = UNSEEN if line.is_unseen else ""
    return f"{unseen}{line.what}" + (f", {settled}" if settled else "")


def fit_what(line: Line, width: int) -> str:
    """Return the change in `width` cells, in a shorter form if that helps."""
    whole = what_text(line)
    if len(whole) <= width or line.settled in (ChangeState.RESOLVED, ChangeState.EXCUSED):
        return whole
    # Words about what settled it are left out first: its sign shows that too.
    unseen = UNSEEN if line.entry is not None and line.settled is None and line.is_unseen else ""
    return unseen + _shorter(line, width - len(unseen))


def _shorter(line: Line, width: int) -> str:
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


def _sign_tooltip(line: Line) -> str:
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


def state_of(line: Line) -> str:
    return "muted" if line.settled else SEVERITY_STATES[line.severity]


def _where_state(line: Line) -> str:
    return "muted" if line.settled and not line.is_title else ""


def where_text(line: Line) -> str:
    """Return object and field, or the title of a group with the mark of unseen changes."""
    return f"{UNSEEN}{line.where}" if line.story is not None and line.is_unseen else line.where


def fit_place(line: Line, width: int) -> str:
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


def fit_who(line: Line, width: int) -> str:
    """Return who changed it in `width` cells: `T. Okafor` if the whole name doesn't fit."""
    name = _who(line)
    first, _, last = name.partition(" ")
    return name if len(name) <= width or not last else f"{first[:1]}. {last}"


def fit_maps(line: Line, width: int) -> str:
    """Return the PartnerOS fields that a change touches, or their number if they don't fit."""
    if not line.mapped or line.is_title:
        return ""
    names = maps_text(line)
    return names if names and len(names) <= width else str(line.mapped)


def maps_text(line: Line) -> str:
    """Return the PartnerOS fields that a single change touches."""
    keys = line.entry.event.affected_mappings if line.entry is not None else ()
    return ", ".join(key.rpartition(":")[2] for key in keys)


LEAST_WHERE, LEAST_WHAT, SHORT_WHAT, LEAST_MAPS = 20, 12, 26, 4
MOST_WHERE, MOST_WHAT, MOST_MAPS, MOST_NAME = 80, 40, 24, 20
SIGN_CELLS, SEVERITY_CELLS, WHO_CELLS, SHORT_WHO, DAY_CELLS = 2, 8, 16, 9, 6


def columns_for(lines: Sequence[Line], width: int) -> tuple[Column[Line], ...]:
    """Return the columns of a table of `width` cells: object and field stay whole if they can.

    Shortened in this order: the change and the mapped fields, the severity in words, the names of
    users and connections. Then the mapped fields, the connection, the day and the user are left
    out. Empty columns are left out. A wide table adds the note, and the values before and after.
    """
    events = [line for line in lines if line.entry is not None]
    named = [line.connection for line in lines if line.connection]
    mapped = any(line.mapped for line in events)
    # Keep the column while the table is empty, or it would appear with the first rows.
    known = not events or any(_who(line) not in ("", NOBODY) for line in lines)
    cells = {
        "sign": SIGN_CELLS,
        "severity": SEVERITY_CELLS,
        "connection": longest(named, 10, MOST_NAME) if named else 0,
        "where": longest((line.where for line in events), LEAST_WHERE, MOST_WHERE),
        "what": longest(map(what_text, events), LEAST_WHAT, MOST_WHAT),
        "by": longest((_who(line) for line in events), SHORT_WHO, WHO_CELLS) if known else 0,
        "day": longest((line.when for line in lines), DAY_CELLS, 9),
        "mapped": longest(map(maps_text, events), LEAST_MAPS, MOST_MAPS) if mapped else 0,
    }
    for name, least in (
        ("what", SHORT_WHAT),
        ("mapped", LEAST_MAPS * mapped),
        ("what", 16),
        ("severity", 0),
        ("by", SHORT_WHO * known),
        ("what", LEAST_WHAT),
        ("connection", 10 * bool(named)),
        ("mapped", 0),
        ("connection", 0),
        ("day", 0),
        ("by", 0),
        ("what", 8),
        ("where", LEAST_WHERE),
    ):
        lacking = _taken(cells) - width
        if lacking > 0:
            cells[name] = least and max(least, cells[name] - lacking)
    # What is left is for more facts, each of them whole or not at all.
    for names in (("note",), ("before", "after")):
        wanted = {
            name: longest((EXTRAS[name](line) for line in events), 0, MOST_EXTRA) for name in names
        }
        if all(wanted.values()):
            wanted = {name: max(number, len(name)) for name, number in wanted.items()}
            lacking = max(0, _taken(cells | wanted) - width)
            # The change in words may be shorter next to its values.
            what = cells["what"] - (lacking if "before" in wanted else 0)
            if lacking <= 0 or SHORT_WHAT <= what < cells["what"]:
                cells |= {**wanted, "what": what}
    title = "Mapping" if cells["mapped"] >= len("Mapping") else "Maps"
    return tuple(
        replace(one, width=cells[one.id], title=title if one.id == "mapped" else one.title)
        for one in _COLUMNS
        if cells.get(one.id)
    )


def _taken(cells: Mapping[str, int]) -> int:
    gaps = GAP * (sum(map(bool, cells.values())) - 1) - (GAP - SIGN_GAP)
    return sum(cells.values()) + gaps + GUTTER


def _who(line: Line) -> str:
    if line.is_title:
        return ""
    names = {entry.event.changed_by for entry in line.entries}
    return names.pop() or NOBODY if len(names) == 1 else "several"


NOBODY = "-"
MOST_EXTRA = 40


def _note(line: Line) -> str:
    return (line.entry.event.note or "") if line.entry is not None else ""


def _sides(line: Line) -> tuple[str, str]:
    changes = shown_changes(line.entry.event.changes) if line.entry is not None else ()
    # Of a picklist, `what` counts the values, and the details list them.
    if len(changes) != 1 or changes[0].attribute == "picklist":
        return "", ""
    return value_text(changes[0].before, MOST_EXTRA), value_text(changes[0].after, MOST_EXTRA)


EXTRAS: dict[str, Callable[[Line], str]] = {
    "note": _note,
    "before": lambda line: _sides(line)[0],
    "after": lambda line: _sides(line)[1],
}

_COLUMNS: tuple[Column[Line], ...] = (
    Column(
        "sign",
        "",
        sign_text,
        style=lambda line: "strong" if line.is_title else state_of(line),
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
        searched=False,
        sortable=False,
    ),
    Column(
        "connection",
        "Connection",
        lambda line: line.connection,
        style=_where_state,
        searched=False,
    ),
    Column(
        "where",
        "Object and field",
        lambda line: "" if line.is_title else where_text(line),
        fit=fit_place,
        style=_where_state,
        reach=lambda line: "what" if line.story is not None else "",
    ),
    Column("what", "Change", what_text, fit=fit_what, style=_where_state),
    Column("by", "Who", _who, fit=fit_who),
    Column(
        "day",
        "Day",
        lambda line: line.when,
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
        searched=False,
        sort_key=lambda line: -line.mapped,
    ),
    Column("before", "Before", EXTRAS["before"], style=lambda _: "error", searched=False),
    Column("after", "After", EXTRAS["after"], style=lambda _: "ok", searched=False),
    Column("note", "Note", _note, style=lambda _: "muted"),
)


_STATES = {"removed": "error", "added": "ok", "changed": "warn"}
VALUE_COLUMNS: tuple[Column[ValueChange], ...] = (
    Column("how", "", lambda value: value.how, style=lambda value: _STATES[value.how], width=7),
    Column("value", "Value", lambda value: value.value, weight=3),
    Column("detail", "", lambda value: value.detail, style=lambda _: "muted", weight=2),
)


def filter_keys(timeline: Timeline) -> dict[str, FilterKey[Entry]]:
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


def searched(entry: Entry) -> Iterable[str]:
    return entry.texts


def _is_grouped(entry: Entry) -> bool:
    return entry.event.story is not None


def _is_kind(entry: Entry, wanted: str) -> bool:
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


def _is_since(entry: Entry, wanted: str, now: datetime) -> bool:
    since = moment_of(wanted, now)
    # Until a time is typed whole, it hides nothing.
    return since is None or entry.event.detected_at >= since
