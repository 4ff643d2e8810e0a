"""The check of commit subjects in CI, over a repository of its own."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

CHECK = Path(__file__).parents[1] / ".ci" / "subjects"


@pytest.mark.skipif(not (shutil.which("git") and shutil.which("bash")), reason="has no git or bash")
def test_commit_check_rejects_bad_subjects_after_its_start(tmp_path: Path) -> None:
    def run(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=False)

    def commit(subject: str) -> None:
        git = ("git", "-c", "user.name=Dana", "-c", "user.email=dana@example.com")
        done = run(*git, "commit", "-q", "--allow-empty", "--no-verify", "-m", subject)
        assert done.returncode == 0, done.stderr

    def check() -> tuple[int, str]:
        done = run("bash", str(CHECK), str(tmp_path))
        return done.returncode, done.stdout

    code, output = check()
    assert (code, "no commit subject was checked" in output) == (0, True)
    assert run("git", "init", "-q").returncode == 0
    commit("Whatever was written before")
    (tmp_path / ".ci").mkdir()
    shutil.copy(CHECK, tmp_path / ".ci")
    run("git", "add", ".ci")
    commit("Add a check of subjects")
    commit("Speed up connector tests")
    assert check() == (0, "")
    commit("Say why the tests are slow")
    commit("Fix " + "x" * 60)
    code, output = check()
    assert code == 1
    assert "Say why the tests" in output
    assert "xxx" in output
    assert "Speed up connector tests" not in output
    assert "Whatever" not in output
