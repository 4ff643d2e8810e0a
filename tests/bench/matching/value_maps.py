"""Evaluate value maps on `gold/values.toml`, with the encoder and without.

python -m tests.bench.matching.value_maps
"""

from __future__ import annotations

import tomllib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from crmdeck.matching.encoder import Encoder
from crmdeck.matching.values import suggest_value_map
from crmdeck.model import Field, FieldType, PicklistValue
from crmdeck.workspace.knowledge import load_codes, load_knowledge

from .sets import HAND_MADE
from .vectors import MemoEncoder


def picklist(values: Sequence[str]) -> Field:
    """Return a picklist field with these values."""
    found = tuple(PicklistValue(value=value, label=value) for value in values)
    return Field(name="field", type=FieldType.PICKLIST, picklist=found)


def outcomes(gold: Mapping[str, Any], encoder: Encoder | None) -> Iterator[tuple[str, str]]:
    """Yield what became of each value of the left side, and the value with its counterpart."""
    found = suggest_value_map(
        picklist(gold["left"]),
        picklist(gold["right"]),
        knowledge=load_knowledge(None),
        codes=load_codes(),
        encoder=encoder,
    )
    for pair in found.pairs:
        true = gold["pairs"].get(pair.partner_value)
        text = f"{gold['name']}: {pair.partner_value} -> {pair.crm_value}, not {true}"
        if pair.crm_value == true:
            yield ("right" if true else "empty"), text
        else:
            yield ("missing" if pair.crm_value is None else "wrong"), text


def main() -> None:
    """Print the counts, and every value that isn't right."""
    maps = tomllib.loads((HAND_MADE / "values.toml").read_text("utf-8"))["map"]
    memo = MemoEncoder()
    for name, encoder in (("with encoder", memo), ("without", None)):
        found = [one for gold in maps for one in outcomes(gold, encoder)]
        counts = Counter(what for what, _ in found)
        print(f"{name}: {dict(sorted(counts.items()))} of {len(found)}")
        print(
            *(f"  {what}: {text}" for what, text in found if what in ("wrong", "missing")), sep="\n"
        )
    memo.save()


if __name__ == "__main__":
    main()
