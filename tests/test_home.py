"""Where a workspace lives: what platformdirs says, without importing it on Linux."""

from __future__ import annotations

import sys
from pathlib import Path

import platformdirs
import pytest

from crmdeck.errors import CrmdeckError, NotFoundError
from crmdeck.home import CACHE_FILE, create_folder, demo_home, require_home, resolve_home


@pytest.mark.skipif(sys.platform == "win32", reason="Windows knows no XDG")
@pytest.mark.parametrize("value", [None, "", " ", "/somewhere/else", "relative"])
def test_the_folders_are_those_that_platformdirs_names(
    value: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("CRMDECK_HOME", raising=False)
    for name in ("XDG_DATA_HOME", "XDG_CACHE_HOME"):
        if value is None:
            monkeypatch.delenv(name, raising=False)
        else:
            monkeypatch.setenv(name, value)
    assert resolve_home() == platformdirs.user_data_path("crmdeck", appauthor=False)
    assert demo_home().parent == platformdirs.user_cache_path("crmdeck", appauthor=False)


def test_only_a_workspace_is_suggested_for_a_mistyped_one(tmp_path: Path) -> None:
    for name in ("opt", "works"):
        (tmp_path / name).mkdir()
    (tmp_path / "works" / CACHE_FILE).touch()
    for typed, remedy in (("nope", "Create it with"), ("work", f"--home {tmp_path / 'works'}")):
        with pytest.raises(NotFoundError) as caught:
            require_home(tmp_path / typed)
        assert remedy in str(caught.value.remedy)


def test_folder_at_path_of_file_is_rejected(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    with pytest.raises(CrmdeckError, match=f"Can't create the folder {file}") as caught:
        create_folder(file)
    assert caught.value.cause == "File exists."
