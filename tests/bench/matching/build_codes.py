"""Write the tables of countries and languages that value maps use.

    uv run --with pycountry --with babel python -m tests.bench.matching.build_codes

Each line of `crmdeck/knowledge/codes/*.tsv` has the names of one meaning: codes of two and three
letters, English names, the name in its own language, and for a language all its locales.
"""

from __future__ import annotations

import importlib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import crmdeck
from crmdeck.matching.values import code_key

FOLDER = Path(crmdeck.__file__).parent / "knowledge" / "codes"
SOURCES = "ISO 3166 and ISO 639-1 by pycountry, names by Unicode CLDR (babel)"
# Short names that neither source has.
MORE = {"GB": ("UK",), "AE": ("UAE",), "US": ("U.S.", "U.S.A.")}
# Official languages of a country whose name for it is taken, the most spoken first.
MOST_LANGUAGES = 2


def countries(pycountry: Any, babel: Any) -> Iterator[tuple[str, ...]]:
    """Yield the names of each country."""
    english = babel.Locale("en").territories
    official = importlib.import_module("babel.languages").get_official_languages
    for one in pycountry.countries:
        code = one.alpha_2
        own = [
            babel.Locale.parse(language).territories.get(code, "")
            for language in official(code, de_facto=True)[:MOST_LANGUAGES]
            if babel.localedata.exists(language)
        ]
        common = getattr(one, "common_name", "")
        yield (code, one.alpha_3, english[code], one.name, common, *own, *MORE.get(code, ()))


def languages(pycountry: Any, babel: Any) -> Iterator[tuple[str, ...]]:
    """Yield the names of each language that has a code of two letters."""
    english = babel.Locale("en").languages
    for one in pycountry.languages:
        code = getattr(one, "alpha_2", "")
        if not code:
            continue
        known = babel.localedata.exists(code)
        own = babel.Locale.parse(code).languages.get(code, "") if known else ""
        other = getattr(one, "bibliographic", "")
        name = one.name.partition(" (")[0]
        yield (code, one.alpha_3, other, english.get(code, ""), name, own, f"{code}-XX")


def main() -> None:
    """Write both tables, without names that mean two things."""
    pycountry, babel = importlib.import_module("pycountry"), importlib.import_module("babel")
    importlib.import_module("babel.localedata")
    for name, rows in (
        ("countries", [*countries(pycountry, babel)]),
        ("languages", [*languages(pycountry, babel)]),
    ):
        keys = Counter(key for row in rows for key in {code_key(one) for one in row if one})
        lines = []
        for row in sorted(rows):
            named = {code_key(one): one for one in reversed(row) if one}
            lines.append("\t".join(one for key, one in reversed(named.items()) if keys[key] == 1))
        text = "\n".join([f"# Source: {SOURCES}", *lines])
        (FOLDER / f"{name}.tsv").write_text(f"{text}\n", "utf-8")


if __name__ == "__main__":
    main()
