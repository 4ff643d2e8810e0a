"""The details of an audit entry. Pure."""

from __future__ import annotations

import json
from collections.abc import Sequence

from textual.content import Content

from crmdeck.errors import ConflictError
from crmdeck.model import Decision
from crmdeck.tui.layout import labeled, wrap
from crmdeck.tui.panes.audit.columns import LogRow
from crmdeck.tui.panes.to_do import clickable
from crmdeck.tui.text import count, display_text
from crmdeck.workspace import require_alone

WORDS = {"events": "changes", "rows": "digests", "secretsFor": "secrets for", "stories": "groups"}
"""The names of details on screen, if they aren't those of the log."""
LABEL = 12
LONGEST = 400


def undo_words(decisions: Sequence[Decision], id_: str) -> str:
    """Return the effect of `c` on a decision, or why it can't be undone on its own.

    `decisions` are those of its object pair, oldest first.
    """
    target = next((one for one in decisions if one.id == id_), None)
    if target is None:
        return ""
    try:
        require_alone(decisions, target)
    except ConflictError as error:
        return " ".join(filter(None, (error.message, error.cause)))
    deed = "restores the decision that this undid" if target.undoes else "undoes this decision"
    return f"c {deed}. No later decision depends on it."


def entry_state(line: LogRow) -> tuple[Content, ...]:
    """Return who did it, when, and in which connection."""
    if line.title:
        return ()
    who = display_text(f"{line.entry.actor}, {line.entry.at:%Y-%m-%d %H:%M:%S} UTC")
    where = (Content.styled(display_text(line.connection), "$muted"),) if line.connection else ()
    return (Content.styled(who, "$muted"), *where)


def entry_detail(line: LogRow, log: Sequence[LogRow], width: int, undo: str = "") -> Content:
    """Return the details of an entry in lines of at most `width` cells.

    From the `log`, newest first, it adds the entry before, and the last good refresh of a failed
    one. `undo` is what `undo_words` returns for a decision.
    """
    entry = line.entry
    if line.title:
        same = sum(one.entry.at.date() == entry.at.date() for one in log)
        return Content.styled(count(same, "entry", "entries") if same else "", "bold")
    user = f"database user {entry.db_user}" if entry.db_user else ""
    lines = [Content.styled(part, "bold") for part in wrap(entry.summary[:LONGEST], width)]
    lines += [Content.styled(part, "$muted") for part in wrap(user, width)] if user else []
    if undo:
        shown = Content("\n".join(wrap(undo, width)))
        lines.append(clickable(shown, "audit.undo") if undo.startswith("c ") else shown)
    for name, value in entry.details.items():
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        label = display_text(WORDS.get(name, name), LABEL - 1)
        lines.append(labeled(label, text[:LONGEST], width, LABEL))
    ids = [one.entry.id for one in log]
    place = ids.index(entry.id) + 1 if entry.id in ids else len(ids)
    earlier = [one for one in log[place:] if one.entry.connection_id == entry.connection_id]
    if earlier:
        lines.append(_earlier("before", earlier[0], width))
    good = [one for one in earlier if one.entry.event == "schema.refreshed"]
    if good and entry.event.endswith("failed"):
        lines.append(_earlier("last good", good[0], width))
    return Content("\n").join(lines)


def _earlier(label: str, line: LogRow, width: int) -> Content:
    text = f"{line.entry.at:%Y-%m-%d %H:%M}  {line.summary[:LONGEST]}"
    return labeled(label, text, width, LABEL)
