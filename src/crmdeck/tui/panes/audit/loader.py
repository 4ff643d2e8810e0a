"""Read the audit log: a short one whole, a long one in parts while the user scrolls."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from crmdeck.model import AuditEntry, Decision, Progress
from crmdeck.tui.loading.requests import Job
from crmdeck.tui.panes.audit.columns import LogRow

if TYPE_CHECKING:
    from crmdeck.workspace import Workspace

SHORT = 2_000
"""Entries of a log that is read whole."""

PART = 500
"""Entries that a part adds, if so many match the filter."""

MOST_READ = 20_000
"""Entries that are read for a part before it shows, if few match the filter."""

Passes = Callable[[LogRow], bool] | None


@dataclass(frozen=True)
class AuditLog:
    """Entries, newest first, and the decisions of their connections by ID, oldest first.

    `total` counts all entries of the log, `read` those that were read. A long log has only those
    `lines` that match the filter, and `after` is the ID of the last entry read, until its end.
    """

    ref: str | None = None
    lines: tuple[LogRow, ...] = ()
    decisions: Mapping[str, tuple[Decision, ...]] = field(default_factory=dict)
    total: int = 0
    read: int = 0
    is_long: bool = False
    after: str | None = None


def read_log(
    workspace: Workspace, ref: str | None, passes: Passes, job: Job, least: int
) -> AuditLog:
    """Return a short log, or the first parts of a long one, with at least `least` lines."""
    total = workspace.audit.count(ref)
    if total <= SHORT:
        lines = tuple(_lines(workspace, workspace.audit.entries(ref)))
        return _decided(workspace, AuditLog(ref, lines, total=len(lines), read=len(lines)))
    # A reload reads as far as the user had scrolled.
    log = AuditLog(ref, total=total, is_long=True)
    while not log.read or (log.after is not None and len(log.lines) < least):
        log = read_on(workspace, log, passes, job, part=PART)
    return log


def read_on(
    workspace: Workspace, log: AuditLog, passes: Passes, job: Job, *, part: int
) -> AuditLog:
    """Return a long log with its next part, of about `part` lines."""
    found: list[LogRow] = []
    after, read = log.after, 0
    while len(found) < part and read < MOST_READ:
        job.cancel.check()
        # If there is a filter, few rows of a page may match.
        size = SHORT if passes is not None else min(part, SHORT)
        page = workspace.audit.entries(log.ref, after=after, limit=size)
        read += len(page)
        found += [one for one in _lines(workspace, page) if passes is None or passes(one)]
        after = page[-1].id if len(page) == size else None
        job.progress(Progress(log.read + read, log.total))
        if after is None:
            break
    more = replace(log, lines=(*log.lines, *found), read=log.read + read, after=after)
    return _decided(workspace, more)


def every_line(workspace: Workspace, ref: str | None, passes: Passes) -> Iterator[LogRow]:
    """Yield all lines of a log that match, newest first, with few of them in memory."""
    return (
        line
        for line in _lines(workspace, workspace.audit.each(ref))
        if passes is None or passes(line)
    )


def _lines(workspace: Workspace, entries: Iterable[AuditEntry]) -> Iterator[LogRow]:
    names = {connection.id: connection.name for connection in workspace.connections.all()}
    return (LogRow(entry, names.get(entry.connection_id or "", "")) for entry in entries)


def _decided(workspace: Workspace, log: AuditLog) -> AuditLog:
    """Return the log with the decisions of the connections that have some in it."""
    ids = {line.entry.connection_id or "" for line in log.lines if line.decision is not None}
    # A log that is scrolled has many parts, and each connection's decisions are read once.
    known = {key: log.decisions[key] for key in ids if key in log.decisions}
    new = {key: workspace.mappings.decisions(key) for key in ids if key not in known}
    return replace(log, decisions=known | new)
