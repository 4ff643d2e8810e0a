"""Whether the history is what crmdeck wrote: what is lost, and what can be repaired.

A repair computes again what follows from other data, and removes what can't be read or doesn't
match its SHA-256, so that the next refresh can write it. Everything else needs a backup.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from crmdeck.store.database import Database
from crmdeck.store.integrity.audit_log import check_audit_log
from crmdeck.store.integrity.damage import RESTORE, Checked, Damage
from crmdeck.store.integrity.definitions import check_definitions
from crmdeck.store.integrity.locks import check_locks
from crmdeck.store.integrity.records import check_records
from crmdeck.store.integrity.references import check_references, check_refreshes

__all__ = ["CHECKS", "RESTORE", "Checked", "Damage", "repair"]

CHECKS: Mapping[str, Callable[[Database], Checked]] = {
    "records": check_records,
    "definitions": check_definitions,
    "refreshes": check_refreshes,
    "references": check_references,
    "audit log": check_audit_log,
    "locks": check_locks,
}
"""The checks in the order in which they repair: each relies on those before it."""


def repair(database: Database) -> list[str]:
    """Repair what can be repaired, and return what was done. Write a backup first."""
    done = []
    for check in CHECKS.values():
        done += [each.repair(database) for each in check(database).damage if each.repair]
    return done
