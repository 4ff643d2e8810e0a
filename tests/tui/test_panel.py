"""The frame of a pane: edges, titles, and scroll bars. Pure."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest
from textual.content import Content
from textual.geometry import Region

from crmdeck.tui.widgets.panel import GLYPHS, Caption, edges, fit, thumb


def drawn(*frames: Region) -> list[str]:
    """Return the lines of frames."""
    cells = edges(frames)
    width = max(frame.right for frame in frames)
    return [
        "".join(GLYPHS.get(cells[y].get(x, 0), " ") for x in range(width)) for y in sorted(cells)
    ]


def test_neighbors_share_an_edge_unless_they_are_apart() -> None:
    above, left, right = Region(0, 0, 7, 3), Region(0, 2, 4, 3), Region(3, 2, 4, 3)
    assert drawn(above, left, right) == [
        "╭─────╮",
        "│     │",
        "├──┬──┤",
        "│  │  │",
        "╰──┴──╯",
    ]
    assert drawn(Region(0, 0, 3, 3), Region(3, 0, 3, 3)) == ["╭─╮╭─╮", "│ ││ │", "╰─╯╰─╯"]


STATE = (Content("✕ 7 open"), Content("23 objects"))


@pytest.mark.parametrize(
    ("width", "title", "state"),
    [
        (60, "Schema of acme-prod", "✕ 7 open · 23 objects"),
        (40, "Schema of acme-prod", "✕ 7 open"),
        (24, "Schema", "✕ 7 open"),
        (12, "Schema", ""),
        (8, "Sc…a", ""),
    ],
)
def test_the_state_gives_way_before_the_title_is_cut(width: int, title: str, state: str) -> None:
    shown, its = fit(Caption(("Schema of acme-prod", "Schema"), STATE), width)
    assert (shown, its.plain) == (title, state)


def scrolled(y: int, rows: int = 101) -> Any:
    """Return a table of 10 rows below its header, scrolled by `y` rows."""
    return SimpleNamespace(
        size=SimpleNamespace(height=11),
        virtual_size=SimpleNamespace(height=rows),
        scroll_offset=SimpleNamespace(y=y),
    )


def test_the_scroll_bar_reaches_an_end_only_with_the_last_row() -> None:
    places = {y: thumb(cast(Any, scrolled(y)), 1) for y in (0, 1, 45, 89, 90)}
    assert [place.start for place in places.values()] == [1, 2, 5, 9, 10]
    assert {len(place) for place in places.values()} == {1}
    assert not thumb(cast(Any, scrolled(0, rows=11)), 1)
