"""Whatever is in a file or an answer: a model, or an error in words."""

from __future__ import annotations

import gc
import io
import json
import random
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crmdeck.errors import SourceError
from crmdeck.store.backup import check_backup
from tests.fuzz.targets import TARGETS, found

EXAMPLES = 15
MANIFEST = "manifest.json"
ODD: tuple[Any, ...] = (
    None,
    True,
    -1,
    0,
    1.5,
    10**30,
    float("nan"),
    float("inf"),
    "",
    " ",
    "x" * 5000,
    "\ud800",
    "\0\x1b[31m\u202e",
    "=1+1",
    "1e999999999",
    [],
    {},
    [None],
    [[]],
    [{}],
    {"": None},
    [1, "a", None],
)
VALUES = st.recursive(
    st.sampled_from(ODD) | st.text(max_size=20) | st.integers() | st.floats(),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4)
    ),
    max_leaves=10,
)


@pytest.fixture(scope="module", autouse=True)
def no_collection() -> Iterator[None]:
    """Let no collector run where the stack is nearly full: what it calls would fail there."""
    gc.disable()
    yield
    gc.enable()


def places(value: Any) -> list[tuple[Any, Any]]:
    """Return every container in `value` with each of its keys."""
    inner: list[tuple[Any, Any]]
    if isinstance(value, dict):
        inner = [(value, key) for key in value]
    elif isinstance(value, list):
        inner = [(value, index) for index in range(len(value))]
    else:
        return []
    return inner + [place for container, key in inner for place in places(container[key])]


def spoilt(seed: bytes, odd: Any, turn: random.Random) -> bytes:
    """Return JSON in which one or two values are odd, or gone."""
    value = json.loads(seed)
    for _ in range(turn.randint(1, 2)):
        where = places(value)
        if not where:
            break
        container, key = turn.choice(where)
        if turn.random() < 0.15:
            del container[key]
        else:
            container[key] = json.loads(json.dumps(odd))
    return json.dumps(value).encode()


def mutated(seed: bytes, turn: random.Random) -> bytes:
    """Return bytes that were cut, doubled, swapped or overwritten in some places."""
    data = bytearray(seed)
    for _ in range(turn.randint(1, 6)):
        start = turn.randrange(len(data) + 1)
        end = min(len(data), start + turn.choice((1, 1, 2, 8, 64)))
        match turn.randrange(5):
            case 0:
                del data[start:end]
            case 1:
                data[start:start] = data[start:end] * turn.choice((1, 50))
            case 2:
                data[start:end] = turn.randbytes(end - start)
            case 3:
                data[start:start] = turn.choice(
                    (b"\0", b"[" * 3000, b"\xff\xfe", b'"', b"<!ENTITY")
                )
            case _:
                del data[start:]
    return bytes(data)


@pytest.mark.parametrize("name", TARGETS)
def test_valid_input_passes_and_past_crashers_are_rejected(name: str) -> None:
    target = TARGETS[name]
    for seed in target.seeds:
        target.try_out(seed)
    for case in found(name):
        target.try_out(case)
    deep = (b"[" * 100_000, b'{"a":' * 100_000, b"a = " + b"[" * 100_000, b"<a>" * 100_000, b"\0")
    for case in (*deep, b"", b"null", b"\xff\xfe\x00\xd8", b"PK\x03\x04", b"\x1f\x8b\x08"):
        target.try_out(case)


@pytest.mark.parametrize("name", TARGETS)
@settings(max_examples=EXAMPLES, derandomize=True, database=None)
@given(odd=VALUES, noise=st.binary(max_size=60), turn=st.randoms(use_true_random=False))
def test_nothing_but_a_model_or_an_error_in_words(
    name: str, odd: Any, noise: bytes, turn: random.Random
) -> None:
    target = TARGETS[name]
    seed = turn.choice(target.seeds)
    target.try_out(mutated(seed, turn))
    target.try_out(noise)
    if target.is_json:
        target.try_out(spoilt(seed, odd, turn))
        target.try_out(json.dumps(odd).encode())


def test_oversized_backup_is_rejected(tmp_path: Path) -> None:
    bomb = tmp_path / "bomb.crmdeck-backup"
    tables = {"audit": {"rows": 1, "sha256": "0" * 64}}
    manifest = json.loads(zipfile.ZipFile(io.BytesIO(TARGETS["backup"].seeds[0])).read(MANIFEST))
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(MANIFEST, json.dumps({**manifest, "tables": tables}))
        with archive.open("tables/audit.jsonl", "w", force_zip64=True) as member:
            for _ in range(70):
                member.write(bytes(1024 * 1024))
    with pytest.raises(SourceError, match="isn't a crmdeck backup") as caught:
        check_backup(bomb)
    assert "larger than crmdeck ever writes" in str(caught.value)
