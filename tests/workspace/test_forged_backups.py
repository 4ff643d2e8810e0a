"""Backups that were edited, with matching digests: rejected, or named in docs/security.md."""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from crmdeck.credentials import MemorySecrets
from crmdeck.errors import SourceError
from crmdeck.model import Choice, DecisionState
from crmdeck.workspace import Workspace

from .conftest import Desk, describe, text_field

PAIR = "deal_registration--Account"
Row = dict[str, Any]
Tables = dict[str, list[Row]]
Forgery = Callable[[Tables], object]


def edit(table: str, row: int = 0, **values: object) -> Forgery:
    return lambda tables: tables[table][row].update(values)


def drop(table: str, row: int = 0) -> Forgery:
    return lambda tables: tables[table].pop(row)


def repeat(table: str, **values: object) -> Forgery:
    return lambda tables: tables[table].append(tables[table][0] | values)


def without(table: str, column: str) -> Forgery:
    return lambda tables: tables[table][0].pop(column)


def details(row: int, **values: object) -> Forgery:
    def change(tables: Tables) -> None:
        entry = tables["audit_entry"][row]
        entry["details"] = json.dumps({**json.loads(entry["details"]), **values})

    return change


def reversed_log(tables: Tables) -> None:
    entries = tables["audit_entry"]
    for one, other in zip(entries, reversed([dict(each) for each in entries]), strict=True):
        one.update({key: other[key] for key in ("event", "summary", "details")})


# The backup's last entry is of a decision, after a connection, drift, and two acknowledgments.
REJECTED: dict[str, Forgery] = {
    "endpoint": edit("connection", endpoint="https://evil.example"),
    "path": edit("connection", path="/etc"),
    "source": edit("connection", source="hubspot"),
    "platform": edit("connection", platform="hubspot"),
    "connection renamed": edit("connection", name="other"),
    "escape codes in a name": edit("connection", name="\x1b[31macme\x1b[0m"),
    "no name": edit("connection", name=""),
    "null name": edit("connection", name=None),
    "connection's ID": edit("connection", id="11111111-1111-1111-1111-111111111111"),
    "second version": repeat("connection", seq=1),
    "same version twice": repeat("connection"),
    "connection removed": lambda tables: tables["connection"].clear(),
    "who changed a connection": edit("connection", put_by="mallory"),
    "time to live as text": edit("connection", ttl_hours="forever"),
    "unknown state": edit("decision", state="maybe"),
    "unknown direction": edit("decision", direction="sideways"),
    "decision on another field": edit("decision", crm_field="Fax"),
    "decision turned around": edit("decision", state="rejected"),
    "decision of another user": edit("decision", decided_by="mallory"),
    "match of a decision": edit("decision", confidence=0.01),
    "decision removed": drop("decision"),
    "decision twice": repeat("decision", seq=2),
    "null decision ID": edit("decision", id=None),
    "decision undoes nothing": edit("decision", undoes="nothing"),
    "value map is no JSON": edit("decision", value_map="{"),
    "acknowledgment removed": drop("acknowledgement"),
    "acknowledgment of another user": edit("acknowledgement", acknowledged_by="mallory"),
    "acknowledgment of another change": edit("acknowledgement", event_id="nothing"),
    "acknowledgment taken back": edit("acknowledgement", taken_back=True),
    "note of an acknowledgment": edit("acknowledgement", note="looks fine"),
    "severity": edit("drift_event", severity="safe"),
    "unknown severity": edit("drift_event", severity="harmless"),
    "change removed": drop("drift_event"),
    "change of another field": edit("drift_event", field_name="Phone"),
    "broken mappings of a change": edit("drift_event", affected_mappings='["deal--Account:x"]'),
    "number as text": edit("drift_event", seq="1"),
    "number as boolean": edit("sync_run", objects=True),
    "time as number": edit("sync_run", started_at=5),
    "run removed": drop("sync_run"),
    "unknown outcome": edit("sync_run", outcome="great"),
    "refresh removed": drop("refresh"),
    "counts of a refresh": edit("refresh", fields=1),
    "object removed": lambda tables: tables["object_state"].pop(),
    "field definition": edit("field_definition", label="Phone"),
    "object without a field": drop("object_field"),
    "audit entry's actor": edit("audit_entry", 1, actor="mallory"),
    "audit entry's time": edit("audit_entry", 1, at="2020-01-01T00:00:00.000000"),
    "audit entry removed": drop("audit_entry", 1),
    "audit entry's details": details(1, note="mallory"),
    "audit log in another order": reversed_log,
    "audit log emptied": lambda tables: tables["audit_entry"].clear(),
    "column missing": without("decision", "note"),
    "column too many": edit("decision", evil=1),
}


def rehash(tables: Tables) -> None:
    """Make the chain follow its entries again, as someone who knows its format can."""
    running = ""
    names = ("id", "at", "actor", "db_user", "event", "connection_id", "summary", "details")
    for entry in tables["audit_entry"]:
        parts = [running, *(entry[name] for name in names)]
        text = "".join("-" if part is None else f"{len(part)}:{part}" for part in parts)
        entry["hash"] = running = hashlib.sha256(text.encode()).hexdigest()


def cut(tables: Tables) -> None:
    """Remove the last write whole: its entry, and what that covers."""
    last = tables["audit_entry"].pop()
    before = tables["audit_entry"][-1]["seq"]
    for rows in tables.values():
        rows[:] = [row for row in rows if not before < row.get("seq", 0) <= last["seq"]]


# docs/security.md, "What a backup can't prove".
ACCEPTED: dict[str, tuple[Forgery, ...]] = {
    "rewritten log": (edit("audit_entry", 1, actor="mallory"), rehash),
    "cut tail": (cut,),
    "time of a decision": (edit("decision", decided_at="2026-05-01T00:00:00.000000"),),
    "fill rates and allowances": (
        lambda tables: tables["quota"].append(
            {
                "seq": tables["audit_entry"][-1]["seq"] + 1,
                "connection_id": tables["connection"][0]["id"],
                "used": 1,
                "limit": 2,
                "window": "day",
                "observed_at": None,
                "read_at": "2026-05-01T00:00:00.000000",
            }
        ),
    ),
    "row after the last entry": (
        lambda tables: tables["connection"].append(
            tables["connection"][-1] | {"path": "/etc", "seq": tables["audit_entry"][-1]["seq"] + 1}
        ),
    ),
}


@pytest.fixture
def database(ready_postgres_url: str) -> str:
    """Backups come from one engine here, and are restored in the other."""
    return ready_postgres_url


@pytest.fixture
def backup(desk: Desk, tmp_path: Path) -> Path:
    desk.export(describe("Account", text_field("Fax"), text_field("Region__c"), text_field("Tier")))
    desk.refresh()
    desk.export(describe("Account", text_field("Fax") | {"length": 10}, text_field("Tier")))
    desk.refresh()
    ws = desk.workspace
    first, second = ws.drift.report().events
    ws.drift.acknowledge([first.id], "seen")
    ws.drift.acknowledge([second.id])
    accept = Choice(
        partner_field="accountName",
        state=DecisionState.ACCEPTED,
        crm_field="Tier",
        confidence=0.88,
        value_map={"a": "b"},
    )
    ws.mappings.record_decisions("acme", PAIR, [accept])
    ws.backups.write(tmp_path / "good.zip")
    return tmp_path / "good.zip"


def forge(good: Path, bad: Path, *changes: Forgery) -> None:
    with zipfile.ZipFile(good) as archive:
        manifest = json.loads(archive.read("manifest.json"))
        tables: Tables = {
            name: [json.loads(line) for line in archive.read(f"tables/{name}.jsonl").splitlines()]
            for name in manifest["tables"]
        }
    for change in changes:
        change(tables)
    with zipfile.ZipFile(bad, "w") as archive:
        for name, rows in tables.items():
            text = "".join(json.dumps(row) + "\n" for row in rows).encode()
            digest = hashlib.sha256(text).hexdigest()
            manifest["tables"][name] = {"rows": len(rows), "sha256": digest}
            archive.writestr(f"tables/{name}.jsonl", text)
        archive.writestr("manifest.json", json.dumps(manifest))


def test_forged_backups_are_rejected(desk: Desk, backup: Path, tmp_path: Path) -> None:
    with Workspace.open(tmp_path / "other", secrets=MemorySecrets()) as ws:
        ws.backups.restore(backup)
        before = ws.audit.head()
        causes: dict[str, str] = {}
        for name, change in REJECTED.items():
            forge(backup, tmp_path / "bad.zip", change)
            try:
                ws.backups.restore(tmp_path / "bad.zip", force=True)
            except SourceError as error:
                causes[name] = f"{error.code} {error.message} {error.cause}"
        assert REJECTED.keys() - causes.keys() == set()
        assert all(cause.startswith("BACKUP_DAMAGED ") for cause in causes.values())
        assert all("bad.zip" in cause and "cache" not in cause for cause in causes.values())
        for name, place in (
            ("null decision ID", "tables/decision.jsonl, line 1: id can't be null"),
            ("number as boolean", "tables/sync_run.jsonl, line 1: objects can't be true"),
        ):
            assert place in causes[name]
        # Rejected as a whole.
        assert ws.audit.head() == before
        for name, changes in ACCEPTED.items():
            forge(backup, tmp_path / "odd.zip", *changes)
            ws.backups.restore(tmp_path / "odd.zip", force=True)
            head = ws.audit.head()
            assert head is not None
            assert (head == before) is (name not in ("rewritten log", "cut tail"))
    desk.workspace.backups.restore(backup, force=True)
