"""Learning from examples: who is similar, and who only by name."""

from __future__ import annotations

import numpy as np
import pytest

from crmdeck.matching.evidence import Example
from crmdeck.matching.signals.decisions import learn
from crmdeck.model import Field


@pytest.mark.parametrize(("exact", "likeness"), [(True, [1, 0, 0]), (False, [1, 0.5, 0])])
def test_an_exact_example_counts_for_fields_of_its_names_only(
    exact: bool, likeness: list[float]
) -> None:
    example = Example(Field(name="a"), Field(name="b"), "elsewhere", exact=exact)
    left = np.array([[1], [0.5], [0]], np.float32)
    learned = learn(left, np.ones((1, 1), np.float32), [example])
    assert learned.likeness[:, 0].tolist() == likeness
    assert learned.nearest[:, 0].tolist() == [0 if alike else -1 for alike in likeness]
