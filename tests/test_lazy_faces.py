"""The packages that import each name when it is first used."""

from __future__ import annotations

import re
from pathlib import Path

SRC = Path(__file__).parents[1] / "src"


def test_offered_names_differ_from_modules() -> None:
    # Importing such a module puts it in the place of the name.
    faces = list(SRC.rglob("__init__.pyi"))
    assert faces
    for face in faces:
        offered = set(re.findall(r"^from \S+ import \w+ as (\w+)$", face.read_text(), re.MULTILINE))
        modules = {each.stem for each in face.parent.glob("*.py")}
        rooms = {each.parent.name for each in face.parent.glob("*/__init__.py")}
        assert not offered & (modules | rooms), face
