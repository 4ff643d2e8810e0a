"""What holds of all of the source: no import circle, and short lines of ancestors."""

from __future__ import annotations

import ast
import importlib
import inspect
import pkgutil
from collections import Counter
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from types import ModuleType

import grimp
import pytest

import crmdeck
from crmdeck.connectors.registry import CRMS

PACKAGE = "crmdeck"
DEEPEST = 2
"""Our classes above a class: the one that gives it its role, and at most one above that."""

DEEPER = {
    "crmdeck.tui.panes.audit.pane.AuditPane",
    "crmdeck.tui.panes.health.pane.HealthPane",
    "crmdeck.tui.panes.schema.pane.SchemaPane",
}
"""Panes with one more, until all five have a list with details: then `Pane` is that base."""


TWICE = """
    Answer AuditLog Checked Choice Column Connections Document Documents Drift
    Evidence Facts FailOn Fault FieldChange Fields Group Health Integration Known Listing
    Message Organization ProgressLine Refusal Request SealedSecrets Session Setting
    SignIn Stage Trouble Validator View Write _Handler _Parser _Parts _Plan _Server
"""
"""Classes whose name another class has too: rename one when you touch it. Add none."""


@pytest.fixture(scope="module")
def imports() -> grimp.ImportGraph:
    """Who imports whom, imports for type checkers and inside functions among them."""
    return grimp.build_graph(PACKAGE, exclude_type_checking_imports=False, cache_dir=None)


def test_there_is_no_import_circle(imports: grimp.ImportGraph) -> None:
    graph = {name: imports.find_modules_directly_imported_by(name) for name in imports.modules}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(" -> ".join(error.args[1]))


def test_a_class_has_one_ancestor_of_ours() -> None:
    classes = [cls for module in _modules() for cls in _classes(module)]
    assert len(classes) > 300
    wrong = [
        f"{_name(cls)}({', '.join(map(_name, above))})"
        for cls in classes
        if len(above := [base for base in cls.__bases__ if _is_ours(base)]) > 1
        or sum(map(_is_ours, cls.__mro__[1:])) > DEEPEST + (_name(cls) in DEEPER)
    ]
    assert wrong == []


def test_a_class_name_means_one_thing() -> None:
    files = (Path(crmdeck.__file__).parent).rglob("*.py")
    names = Counter(
        node.name
        for file in files
        for node in ast.parse(file.read_text("utf-8")).body
        if isinstance(node, ast.ClassDef)
    )
    assert {name for name, number in names.items() if number > 1} == set(TWICE.split())


@pytest.mark.parametrize(
    "face",
    [
        *("crmdeck.matching", "crmdeck.mcp", "crmdeck.model", "crmdeck.server"),
        *("crmdeck.tui.dialogs", "crmdeck.tui.panes", "crmdeck.tui.screens", "crmdeck.tui.widgets"),
        "crmdeck.workspace",
    ],
)
def test_lazy_names_match_their_stubs(face: str) -> None:
    package = importlib.import_module(face)
    offered = ast.parse(Path(f"{package.__file__}i").read_text("utf-8")).body
    assert [node for node in offered if not isinstance(node, ast.ImportFrom)] == []
    names = [
        name.name for node in offered if isinstance(node, ast.ImportFrom) for name in node.names
    ]
    assert sorted(names) == package.__all__
    for name in names:
        assert getattr(package, name) is not None


def test_only_the_packages_of_crms_know_their_names() -> None:
    known = {"connectors", "formats", "sandbox", "knowledge"}
    root = Path(crmdeck.__path__[0])
    found = [
        f"{path.relative_to(root)}: {word}"
        for path in sorted(root.rglob("*.py"))
        if path.relative_to(root).parts[0] not in known
        # Most files name none, and reading the text is quick.
        if any(crm in (text := path.read_text("utf-8")).casefold() for crm in CRMS)
        for node in ast.walk(ast.parse(text))
        for word in _words(node)
    ]
    assert found == []


def _words(node: ast.AST) -> Iterator[str]:
    """Yield the CRMs that a string is the name of, and identifiers with such a name in them."""
    value = getattr(node, "value", None)
    if isinstance(node, ast.Constant) and isinstance(value, str) and value.casefold() in CRMS:
        yield value
    for attribute in ("id", "attr", "arg", "name", "module"):
        identifier = getattr(node, attribute, None)
        if isinstance(identifier, str) and any(crm in identifier.casefold() for crm in CRMS):
            yield identifier


def _modules() -> list[ModuleType]:
    found = pkgutil.walk_packages(crmdeck.__path__, f"{PACKAGE}.")
    return [importlib.import_module(one.name) for one in found if not one.name.endswith("__main__")]


def _classes(module: ModuleType) -> list[type]:
    return [
        cls
        for _, cls in inspect.getmembers(module, inspect.isclass)
        if cls.__module__ == module.__name__
    ]


def _is_ours(cls: type) -> bool:
    return cls.__module__.split(".")[0] == PACKAGE


def _name(cls: type) -> str:
    return f"{cls.__module__}.{cls.__qualname__}"
