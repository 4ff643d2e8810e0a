"""Several events at a glance: what a story or a day stands for. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from textual.content import Content

from crmdeck.model import Severity
from crmdeck.tui.health import ago
from crmdeck.tui.panes.drift.layout import wrap
from crmdeck.tui.panes.drift.lines import Line
from crmdeck.tui.severity import COLOURS, SIGNS
from crmdeck.tui.text import count, display_text
from crmdeck.workspace import (
    KIND_WORDS,
    STORY_WORDS,
    Entry,
    Timeline,
    attribute_word,
    shown_changes,
)

MOST_NAMES = 60


def story_detail(book: Timeline, line: Line, width: int) -> Content:
    """Return what a story is about: its title, its kind, how bad, and where."""
    story = line.story
    if story is None:
        return Content("")
    word = f"{SIGNS[line.severity]} {line.severity.value}  "
    lines = [
        Content.assemble(
            (word, f"bold {COLOURS[line.severity]}"),
            (STORY_WORDS.get(story.kind, display_text(story.kind, 40)), "$muted"),
        )
    ]
    lines += [Content.styled(text, "bold") for text in wrap(story.title, width)]
    found = f"found {story.detected_at:%Y-%m-%d %H:%M} UTC, {ago(story.detected_at, book.now)}"
    lines.append(Content.styled(f"{found} · Enter {_turns(line)}", "$muted"))
    lines += _counts(line.items, width)
    return Content("\n").join(lines)


def day_detail(book: Timeline, line: Line, width: int) -> Content:
    """Return what happened on a day, counted."""
    moments = sorted({item.event.detected_at for item in line.items})
    when = f"{moments[0]:%A %Y-%m-%d}, {ago(moments[-1], book.now)}"
    lines = [
        Content.styled(when, "bold"),
        Content.styled(
            f"found by {count(len(moments), 'refresh', 'refreshes')} · Enter {_turns(line)}",
            "$muted",
        ),
        *_counts(line.items, width),
    ]
    return Content("\n").join(lines)


def _turns(line: Line) -> str:
    return "folds it" if line.open else "unfolds it"


def _counts(items: Sequence[Entry], width: int) -> Iterator[Content]:
    by_severity = Counter(item.event.severity for item in items)
    parts = [
        (f"{SIGNS[severity]} {by_severity[severity]:,} {severity.value}   ", COLOURS[severity])
        for severity in reversed(Severity)
        if by_severity[severity]
    ]
    done = sum(item.acknowledged for item in items)
    yield Content.assemble(*parts, (f"✓ {done:,} of {len(items):,} acknowledged", "$muted"))
    kinds = _most((_kind(item) for item in items), width)
    objects = _most((item.event.object_type for item in items), width)
    for label, lines in (("what   ", kinds), ("where  ", objects)):
        for index, text in enumerate(lines):
            yield Content.assemble((label if index == 0 else " " * 7, "$muted"), text)


def _kind(item: Entry) -> str:
    names = [attribute_word(change.attribute) for change in shown_changes(item.event.changes)]
    return f"{' and '.join(names[:2])} changed" if names else KIND_WORDS[item.event.kind]


def _most(names: Iterable[str], width: int) -> list[str]:
    counted = Counter(names)
    shown = [
        display_text(name, 60) + (f" {times:,}" if times > 1 else "")
        for name, times in counted.most_common(MOST_NAMES)
    ]
    rest = len(counted) - len(shown)
    return wrap(" · ".join(shown) + (f" and {rest:,} more" if rest else ""), width - 7)
