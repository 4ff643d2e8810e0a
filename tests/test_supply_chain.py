"""What CI installs and runs is named exactly, and may do no more than it has to."""

from __future__ import annotations

import re
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import grimp
import yaml

ROOT = Path(__file__).parents[1]
REQUIREMENT = re.compile(r"^([a-z0-9][a-z0-9._-]*)(?:\[[^]]*\])?==([^ ;\\]+)", re.MULTILINE)
WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))


def test_ci_requirements_have_hashes_and_versions() -> None:
    text = (ROOT / ".ci/requirements.txt").read_text("utf-8")
    entries = [each for each in re.split(r"\n(?=[a-z0-9])", text) if "==" in each]
    assert len(entries) > 50
    assert [each.split()[0] for each in entries if "--hash=sha256:" not in each] == []
    assert "://" not in text
    pinned = dict(REQUIREMENT.findall(text))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    wanted = dict(each.split("==") for each in project["tool"]["uv"]["constraint-dependencies"])
    other = {name for name in wanted if pinned.get(name, wanted[name]) != wanted[name]}
    assert other == set(), "export .ci/requirements.txt again; its first lines say how"


def test_workflows_are_read_only_with_pinned_actions() -> None:
    assert len(WORKFLOWS) >= 3
    for path in WORKFLOWS:
        text = path.read_text("utf-8")
        workflow = yaml.safe_load(text)
        assert workflow["permissions"] == {"contents": "read"}, path
        assert "pull_request_target" not in text
        for job in workflow["jobs"].values():
            for step in job["steps"]:
                action, _, version = step.get("uses", "").partition("@")
                assert not action or re.fullmatch(r"[0-9a-f]{40}", version)
                if action == "actions/checkout":
                    assert step["with"]["persist-credentials"] is False


def test_imports_equal_declared_dependencies() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    lists = [project["dependencies"], *project["optional-dependencies"].values()]
    declared = {re.split(r"[^\w.-]", each)[0] for wanted in lists for each in wanted}
    graph = grimp.build_graph(
        "crmdeck", include_external_packages=True, exclude_type_checking_imports=False,
        cache_dir=None,
    )  # fmt: skip
    found = {name for name in graph.modules if graph.is_module_squashed(name)}
    known = packages_distributions()
    used = {
        name: {each.lower().replace("_", "-") for each in known.get(name, [name])}
        # _typeshed exists for type checkers only.
        for name in found - sys.stdlib_module_names - {"crmdeck", "_typeshed"}
    }
    assert [name for name, of in used.items() if not of & declared] == []
    assert declared == {each for of in used.values() for each in of & declared}


def test_the_action_installs_the_version_of_its_own_ref() -> None:
    action = yaml.safe_load((ROOT / ".github/check/action.yml").read_text("utf-8"))
    install = action["runs"]["steps"][0]
    assert "git+" not in install["run"]
    # The action is two folders below the project.
    assert install["env"]["CRMDECK_SOURCE"] == "${{ github.action_path }}/../.."
    assert (ROOT / ".github/check/../../pyproject.toml").is_file()
    assert "/.github/check@v" in (ROOT / "docs/check.md").read_text("utf-8")
