"""crmdeck drift and crmdeck compare."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import chain
from operator import itemgetter
from typing import Any

from crmdeck import model, workspace
from crmdeck.cli.listing import Listing
from crmdeck.cli.output import TextTable, report_error, say
from crmdeck.cli.session import ChangeMode, moment, say_empty, time_range
from crmdeck.errors import ExitCode, UsageError, exit_code
from crmdeck.model import FailOn, Severity, Side
from crmdeck.text import count

PAGE = 10_000
"""Changes in memory at a time."""

SIDES = {Side.LEFT: "left only", Side.RIGHT: "right only", Side.BOTH: "differs"}


def drift(
    ws: workspace.Workspace,
    listing: Listing,
    mode: ChangeMode,
    names: list[str] | None = None,
    severity: Severity | None = None,
    object_type: str | None = None,
    since: str | None = None,
    until: str | None = None,
    open_only: bool = False,
    acknowledge: list[str] | None = None,
    note: str = "",
    fail_on: FailOn | None = None,
) -> ExitCode:
    """List changes, newest first, and acknowledge them.

    With --fail-on, exit with 4 if a change fails at that level. Exit with 3, 6 or
    1 if the last refresh could not read everything.
    """
    if note and not acknowledge:
        raise UsageError(
            "--note needs --acknowledge.", remedy="Add --acknowledge ID or --acknowledge shown"
        )
    listing.require(workspace.COLUMNS["drift"])
    if fail_on is not None:
        ws.checks.policy()  # A gate rejects a policy that it can't use before anything changes.
    begin, end = time_range(since, until, ws)
    wanted = tuple(dict.fromkeys(names or (None,)))
    limits: dict[str, Any] = {"object_type": object_type, "since": begin, "until": end}
    # The pages of all connections are in memory at the same time, to be merged.
    size = max(PAGE // len(wanted), 100)
    pages = partial(
        ws.drift.pages,
        at_least=severity,
        **limits,
        # A sort reads everything, so only an unsorted list gains by small pages.
        at_once=size if listing.order else min(size, listing.limit or size),
    )
    stories: dict[str, model.ChangeGroup] = {}
    connections = {connection.id: connection.name for connection in ws.connections.all()}
    record = _recorder(stories, connections)
    changes, open_changes = _read(pages, wanted, stories, open_only=open_only)
    if acknowledge:
        shown = [event.id for event in listing.pick(changes, record)]
        chosen = shown if acknowledge == ["shown"] else acknowledge
        mode.carry_out(
            ws,
            partial(ws.drift.acknowledge, chosen, note),
            lambda noted: say(
                f"Acknowledged {count(noted.number, 'change')}. {noted.not_checked}".rstrip()
            ),
            lambda noted: noted.number,
        )
        # The list shows what was acknowledged, which is no longer open.
        open_only = False
        stories.clear()
        changes, open_changes = _read(pages, wanted, stories, open_only=open_only)
    reasons: list[ExitCode] = []
    if fail_on is not None:
        # The gate judges no change that the list leaves out.
        fails = partial(
            ws.drift.fails,
            fail_on,
            at_least=severity or Severity.SAFE,
            open_only=open_only,
            **limits,
        )
        reasons = _gate(ws, wanted, fails, as_json=listing.as_json)
    if listing.emit(
        changes,
        columns=workspace.COLUMNS["drift"],
        record=record,
        wire=lambda event: workspace.named(event, connections),
        answer=lambda events: {
            "events": events,
            "stories": _later(stories, connections),
            "openChanges": open_changes.to_wire(),
            "reasons": [reason.reason for reason in reasons],
        },
        table=lambda shown: drift_table(shown, {} if listing.order else stories),
    ):
        if not connections:
            say_empty(ws)
        say(f"{', '.join(names or ['All connections'])}: {open_changes.text}.")
    return exit_code(reasons)


def _recorder(
    stories: Mapping[str, model.ChangeGroup], connections: Mapping[str, str]
) -> Callable[[model.DriftEvent], Mapping[str, object]]:
    """Return the function that makes a change a row with the names of connection and group."""

    def record(event: model.DriftEvent) -> Mapping[str, object]:
        story = stories.get(event.story or "")
        return {**workspace.named(event, connections), "storyTitle": story and story.title}

    return record


def _read(
    pages: Callable[..., Iterator[model.DriftReport]],
    names: Sequence[str | None],
    stories: dict[str, model.ChangeGroup],
    *,
    open_only: bool,
) -> tuple[Iterator[model.DriftEvent], model.OpenChanges]:
    """Return the changes of several connections, newest first, and the count of open ones.

    `stories` gets those of the changes as they are read.
    """
    reports = [pages(name, open_only=open_only) for name in names]
    # Read now, because the first page has the count of open changes, and a bad name fails here.
    starts = [next(each) for each in reports]
    known: dict[str, model.ChangeGroup] = {}

    def each(pages: Iterable[model.DriftReport]) -> Iterator[model.DriftEvent]:
        for page in pages:
            known.update((story.id, story) for story in page.stories)
            yield from page.events

    merged = heapq.merge(
        *(each(chain([start], more)) for start, more in zip(starts, reports, strict=True)),
        key=lambda event: event.detected_at,
        reverse=True,
    )

    def read() -> Iterator[model.DriftEvent]:
        for event in merged:
            if event.story in known:
                stories[event.story] = known[event.story]
            yield event

    counts = [start.open_changes for start in starts if start.open_changes is not None]
    return read(), model.OpenChanges.total(counts)


def _later(
    stories: Mapping[str, model.ChangeGroup], connections: Mapping[str, str]
) -> Iterator[Mapping[str, object]]:
    # A generator, because the changes before it in the output add stories while they are written.
    for story in stories.values():
        yield workspace.named(story, connections)


def _gate(
    ws: workspace.Workspace,
    names: Sequence[str | None],
    fails: Callable[[str | None], bool],
    *,
    as_json: bool,
) -> list[ExitCode]:
    """Return the exit codes of --fail-on, and report the errors of the last refresh."""
    reasons = [ExitCode.DRIFT] if any(map(fails, names)) else []
    # A gate must not pass because of something that it could not read.
    for error in (each for name in names for each in ws.checks.unread(name)):
        report_error(error, as_json=as_json)
        reasons.append(error.exit_code)
    return list(dict.fromkeys(reasons))


def drift_table(
    events: Iterable[model.DriftEvent], stories: Mapping[str, model.ChangeGroup]
) -> TextTable:
    """Return changes as a table, with one row for each change group.

    `stories` may get those of a change while the changes are iterated.
    """

    def rows() -> Iterator[tuple[object, ...]]:
        shown: set[str] = set()
        for event in events:
            story = stories.get(event.story or "")
            if story is None:
                yield _drift_row(event)
            elif story.id not in shown:
                shown.add(story.id)
                yield (event.detected_at, "", story.title, "", "", "", "", "")

    return TextTable(
        (
            "detected",
            "severity",
            "field",
            "change",
            "reason",
            "mapped to",
            "acknowledged",
            "changed by",
        ),
        rows(),
        least=("acknowledged", "reason", "changed by", "mapped to"),
    )


def _drift_row(event: model.DriftEvent) -> tuple[object, ...]:
    who = event.changed_by
    if who is None:
        who = event.attribution and f"unknown: {event.attribution}"
    elif event.changed_at:
        who = f"{who}, {event.changed_at:%Y-%m-%d}"
    return (
        event.detected_at,
        event.severity,
        workspace.place_of(event),
        workspace.what_happened(event),
        event.reason,
        ", ".join(event.affected_mappings),
        event.acknowledged_at,
        who,
    )


def compare(
    ws: workspace.Workspace,
    listing: Listing,
    left: str,
    right: str | None = None,
    at: str | None = None,
    right_at: str | None = None,
    object_type: str | None = None,
    fail_on: Severity | None = None,
) -> ExitCode:
    """Compare two stored schemas: two connections, or one connection at two dates.

    An object's severity rates the change from the left side to the right side.
    """
    listing.require(workspace.COLUMNS["differences" if object_type else "comparison"])
    left_at = moment(at, ws, as_of=True)
    other_at = moment(right_at, ws, as_of=True)
    if right in (None, left) and left_at == other_at:
        raise UsageError(
            f"Both sides are the current schema of '{left}'.",
            remedy="Enter another connection, or a date: --at 7d",
        )
    comparison = ws.schemas.compare(
        left, right or left, left_at=left_at, right_at=other_at, object_type=object_type
    )
    if object_type is None:
        _show_objects(listing, comparison)
    else:
        _show_fields(listing, comparison)
    fails = fail_on and any(one.severity.rank >= fail_on.rank for one in comparison.objects)
    return ExitCode.DRIFT if fails else ExitCode.OK


def _show_objects(listing: Listing, comparison: model.Comparison) -> None:
    rows = {row["objectType"]: row for row in workspace.records("comparison", comparison)}
    if not listing.emit(
        comparison.objects,
        columns=workspace.COLUMNS["comparison"],
        record=lambda one: rows[one.object_type],
        wire=lambda one: one.to_wire(),
        answer=lambda objects: {**comparison.to_wire(), "objects": objects},
        table={
            "object": "object_type",
            "label": "label",
            "severity": "severity",
            "side": lambda one: SIDES[one.side],
            "left only": lambda one: rows[one.object_type]["leftOnly"] or None,
            "right only": lambda one: rows[one.object_type]["rightOnly"] or None,
            "different": lambda one: rows[one.object_type]["differing"] or None,
        },
    ):
        return
    for word, name, at in (
        ("Left", comparison.left, comparison.left_at),
        ("Right", comparison.right, comparison.right_at),
    ):
        say(f"{word}: {name} " + (f"as of {model.format_utc(at)}" if at else "now"))
    say(f"{len(comparison.objects):,} objects differ, {comparison.same:,} are the same.")


def _show_fields(listing: Listing, comparison: model.Comparison) -> None:
    rows = list(workspace.records("differences", comparison))
    whole = comparison.to_wire()

    def answer(shown: Sequence[Mapping[str, object]]) -> Mapping[str, object]:
        if listing.is_plain:
            return whole
        return {**{key: whole[key] for key in whole if key != "objects"}, "differences": shown}

    if (
        listing.emit(
            rows,
            columns=workspace.COLUMNS["differences"],
            record=lambda row: row,
            answer=answer,
            table={
                "object": itemgetter("objectType"),
                "field": itemgetter("fieldName"),
                "side": lambda row: SIDES[row["side"]],
                "attribute": itemgetter("attribute"),
                "left": lambda row: row["attribute"] and workspace.value_text(row["leftValue"]),
                "right": lambda row: row["attribute"] and workspace.value_text(row["rightValue"]),
            },
        )
        and not rows
    ):
        say("Both sides are the same.")
