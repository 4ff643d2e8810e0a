"""The colors of two values side by side."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmdeck.tui.dialogs import before_after
from crmdeck.tui.dialogs.before_after import marked

PIECES = st.lists(st.sampled_from("abc")).map(lambda pieces: [*pieces, "."])


@given(PIECES, PIECES, st.sampled_from((0, before_after.MOST_COMPARED)))
def test_each_side_is_whole_and_only_differences_are_colored(
    before: list[str], after: list[str], compared: int
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(before_after, "MOST_COMPARED", compared)
        old, new = marked(before, after)
    assert (old.plain, new.plain) == ("".join(before), "".join(after))
    plain = []
    for side in (old, new):
        colored = {place for span in side.spans for place in range(span.start, span.end)}
        plain.append("".join(c for place, c in enumerate(side.plain) if place not in colored))
        assert bool(colored) <= (before != after)
    assert plain[0] == plain[1]
