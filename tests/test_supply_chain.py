"""What CI installs and runs is named exactly, and may do no more than it has to."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[1]
REQUIREMENT = re.compile(r"^([a-z0-9][a-z0-9._-]*)(?:\[[^]]*\])?==([^ ;\\]+)", re.MULTILINE)
WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))


def test_what_ci_installs_has_hashes_and_the_versions_of_the_project() -> None:
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


def test_workflows_read_only_unless_a_job_has_to_write_and_actions_are_pinned() -> None:
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
