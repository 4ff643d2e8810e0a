"""Every command as data: its options, exit codes, and the records of its JSON."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from crmdeck import __version__
from crmdeck.cli.examples import EXAMPLES
from crmdeck.errors import FIRST_OF, ExitCode

RECORDS: Mapping[str, tuple[str, str]] = {
    "status [NAME]": ("ConnectionStatus", "with `reasons`; a list without a name"),
    "findings [NAME]": ("Finding", "a list"),
    "findings show ID": ("Finding", "also `accept`, `snooze` and `reopen`"),
    "check": ("CheckReport", ""),
    "refresh NAME": ("RefreshResult", "with `connection`, `connectionId`, `reasons`"),
    "refresh --all": ("RefreshReport", "also for several names"),
    "drift [NAME]": ("DriftReport", "with `reasons`, and `connection` after each `connectionId`"),
    "schema NAME": ("SchemaSummary", ""),
    "schema NAME OBJECT": ("ObjectDetail", ""),
    "schema NAME OBJECT.FIELD --used": ("FieldUsage", ""),
    "schema NAME --api-version next": ("VersionPreview", "with `reasons`"),
    "mapping show NAME": ("PairSummary", "a list"),
    "mapping show NAME PAIR": ("FieldMapping", ""),
    "mapping accept NAME PAIR": (
        "Decision",
        "a list; also `reject`, `filled`, `unmap`, `apply` and `values --set`; one with `undo`",
    ),
    "mapping apply NAME PAIR FILE --dry-run": ("MappingPlan", ""),
    "mapping move NAME PAIR [FIELD]": ("AcceptedRename", ""),
    "mapping values NAME PAIR FIELD": ("ValueMap", "with `valueMap`, the stored one"),
    "mapping check NAME": ("Finding", "a list"),
    "export NAME --what schema": ("ObjectDetail", "a list; one record with `--object`"),
    "preflight NAME PAIR": ("FailsWhen", "a list"),
    "preflight NAME PAIR --records FILE": ("PreflightReport", "also with `--sample`"),
    "propose NAME PAIR": ("Proposal", ""),
    "impact NAME OBJECT.FIELD": ("Impact", ""),
    "explain FILE": ("SyncErrorReport", ""),
    "suggest NAME PAIR": ("SuggestAnswer", ""),
    "compare NAME [OTHER]": ("Comparison", ""),
    "connections list": ("Connection", "a list"),
    "connections add NAME": (
        "Connection",
        "also `set` and `rename`; with `test`, a ProbeReport, also `sign-in`",
    ),
    "connections test NAME": ("ProbeReport", ""),
    "secrets move": ("MovedSecrets", ""),
    "secrets rotate": ("RotatedKey", ""),
    "policy show": ("Policy", "also `set` and `clear`"),
    "audit [NAME]": ("AuditEntry", "a list, with `connection` after each `connectionId`"),
    "doctor": ("DoctorResult", "a list"),
    "config list": ("Setting", "a list; one record with `get` and `set`"),
    "backup FILE": ("Backup", "also `restore`"),
    "match LEFT RIGHT": ("FileMatches", ""),
}
"""The record of each command line, and what else its JSON has."""


def describe_commands(root: Any, context: Any) -> dict[str, object]:
    """Return every command below `root`."""
    return {
        "version": __version__,
        "exitCodes": {
            int(code): {"reason": code.reason, "meaning": code.meaning} for code in ExitCode
        },
        "firstOf": [int(code) for code in FIRST_OF],
        "options": _parameters(root, "option"),
        "commands": [
            found
            for name in root.list_commands(context)
            for found in _described(name, root.get_command(context, name))
        ],
    }


def _described(path: str, command: Any) -> Iterator[dict[str, object]]:
    inner = getattr(command, "commands", {})
    if not inner or command.invoke_without_command:
        yield {
            "command": path,
            "help": command.help,
            "arguments": _parameters(command, "argument"),
            "options": _parameters(command, "option"),
            "examples": EXAMPLES.get(path, ()),
            "records": {
                line: {"record": record, "note": note}
                for line, (record, note) in RECORDS.items()
                if f"{line} ".startswith(f"{path} ")
            },
        }
    for name, each in inner.items():
        yield from _described(f"{path} {name}", each)


def _parameters(command: Any, kind: str) -> list[dict[str, object]]:
    return [
        {
            "names": [*param.opts, *param.secondary_opts] if kind == "option" else [param.metavar],
            "value": None if getattr(param, "is_flag", False) else param.metavar,
            "required": param.required,
            "repeatable": param.multiple if kind == "option" else param.nargs != 1,
            "help": param.help,
        }
        for param in command.params
        if param.param_type_name == kind and not getattr(param, "hidden", False)
    ]
