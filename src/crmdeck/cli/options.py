"""One table of the options and arguments of all commands.

Commands declare parameters with plain types. The parser, completion and the docs take the rest from
here: the row of the command and the parameter, or the row of the parameter.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

from crmdeck import workspace
from crmdeck.text import either

DATE = "2026-05-16, or 7d."
LISTED = ("table", *workspace.TEXT_FORMATS)
"""The formats of every list."""


class OptionRow(NamedTuple):
    """An option: its help, its value in help, its names, its bounds, and the words that it accepts.

    An argument has no names. None for names: two dashes and the parameter.
    """

    help: str
    value: str | None = None
    names: tuple[str, ...] | None = None
    least: float | None = None
    most: float | None = None
    words: Callable[[], Iterable[str]] | None = None
    variable: str | None = None
    """Environment variable with the value."""


def _argument(value: str, help: str) -> OptionRow:
    return OptionRow(help, value, ())


OPTIONS: dict[str, OptionRow] = {
    # Of most commands.
    "name": _argument("NAME", "Connection name."),
    "names": _argument("[NAME]...", "Connection name (default: all)."),
    "refresh names": _argument("[NAME]...", "Connection name."),
    "pair": _argument("PAIR", "Object pair: deal_registration--Opportunity."),
    "home": OptionRow(
        "Workspace: a folder or postgresql://HOST/DATABASE (default: $CRMDECK_HOME).", "WORKSPACE"
    ),
    "demo": OptionRow("Use the built-in demo workspace."),
    "as_json": OptionRow("Print JSON in the API's format.", names=("--json",)),
    "jq": OptionRow("Filter the JSON with jq: '.[].name'", "EXPRESSION"),
    # Of lists and files.
    "format": OptionRow(
        f"{either(LISTED)} (default: from the file name, otherwise table).",
        "FORMAT",
        words=lambda: LISTED,
    ),
    "output": OptionRow("Output file (default: stdout).", "FILE", ("--output", "-o")),
    "force": OptionRow("Overwrite an existing file."),
    "limit": OptionRow("Maximum number of rows.", "N", least=1),
    "sort": OptionRow("Sort by columns; -COLUMN for descending.", "COLUMN,..."),
    "columns": OptionRow("Columns to show, by their JSON names.", "COLUMN,..."),
    "since": OptionRow(f"Start date: {DATE}", "DATE"),
    "until": OptionRow(f"End date: {DATE}", "DATE"),
    "at": OptionRow("As of a date: 2026-05-16, 2026-05-16T12:00, or 7d.", "DATE"),
    "right_at": OptionRow("As of a date, for the right side: 2026-05-16.", "DATE"),
    "severity": OptionRow("Minimum severity."),
    # Of commands that change rows.
    "dry_run": OptionRow("Show what would change, and change nothing."),
    "yes": OptionRow("Don't ask before changing several rows at a terminal."),
    # Of gates.
    "fail_on": OptionRow(
        "Exit with 4 on findings of at least this severity; 'mapped' means mapped fields only."
    ),
    "refresh": OptionRow("Refresh first, or check the cache.", names=("--refresh/--no-refresh",)),
    "policy": OptionRow("Policy file (default: policy.toml in the workspace).", "FILE"),
    "notify": OptionRow("Send notifications to the routes in the settings."),
    "heartbeat": OptionRow(
        "URL of a watchdog to ping after each check.", "URL", variable="CRMDECK_HEARTBEAT"
    ),
    # Findings and changes.
    "finding": _argument("ID", "ID of a finding, from crmdeck findings."),
    "urgency": OptionRow("Only findings with this urgency."),
    "findings list everything": OptionRow(
        "Also list notes, and accepted, snoozed and excused findings.", names=("--all",)
    ),
    "findings accept until": OptionRow("Last day: 2026-12-31.", "DATE"),
    "findings snooze until": OptionRow("Last day: 2026-12-31.", "DATE"),
    "findings accept note": OptionRow("Why the risk is acceptable.", "TEXT"),
    "check since": OptionRow(f"Only changes since: {DATE}", "DATE"),
    "check new": OptionRow("Only changes since the last check."),
    "check format": OptionRow(
        "Format (default: from the file name, otherwise text).",
        words=lambda: workspace.CHECK_FORMATS,
    ),
    "explain_policy": OptionRow("Show the policy rules that matched no finding."),
    "contract": OptionRow("Open Data Contract to check against (repeatable).", "FILE"),
    "every": OptionRow("Minutes between checks.", "MINUTES", least=1),
    "times": OptionRow("Stop after this many checks.", "N", least=1),
    "fleet": OptionRow("Share the connections with other machines."),
    "policy set file": _argument("FILE", "Policy file (TOML)."),
    "refresh everything": OptionRow(
        "Refresh all connections, except disconnected ones.", names=("--all",)
    ),
    "accept_suspect": OptionRow("Accept a refresh that removes many objects or fields."),
    "repair": OptionRow("Repair what can be repaired, after a backup."),
    "head": OptionRow("Earlier head that the audit log must contain.", "HASH"),
    "drift object_type": OptionRow("Object name (default: all).", names=("--object",)),
    "open_only": OptionRow(
        "Only open changes: breaking or risky, and not settled.", names=("--open",)
    ),
    "acknowledge": OptionRow("ID of a change or a change group (repeatable), or 'shown'.", "ID"),
    "note": OptionRow("Note for the acknowledgment.", "TEXT"),
    "audit event": OptionRow("Event type, or a pattern: 'token.*'."),
    "actor": OptionRow("User name.", "USER"),
    # Schemas.
    "schema object_type": _argument("[OBJECT]", "Object name, or OBJECT.FIELD."),
    "schema sample": OptionRow("Read a few records to measure the fill rates of OBJECT."),
    "used": OptionRow("Ask the CRM where it uses OBJECT.FIELD."),
    "schema api_version": OptionRow("Preview another API version: next, or 69.0."),
    "schema fail_on": OptionRow("Exit with 4 if a change has at least this severity."),
    "compare left": _argument("LEFT", "Connection name."),
    "compare right": _argument("[RIGHT]", "Connection name (default: LEFT)."),
    "compare at": OptionRow(f"As of a date, for the left side: {DATE}", "DATE"),
    "compare object_type": OptionRow("Object name, to compare its fields.", names=("--object",)),
    "compare fail_on": OptionRow("Exit with 4 if a change has at least this severity."),
    "place": _argument("OBJECT.FIELD", "CRM field."),
    "change": OptionRow("Planned change of the field.", names=("--if",)),
    "export name": _argument(
        "[NAME]", "Connection name (default: all, for health, drift and audit)."
    ),
    "what": OptionRow(
        "Data: health, objects, schema, comparison, differences, drift, mapping, audit. Reports: "
        "dictionary, mapping-sheet, drift-report, health-report. Or contract (Open Data Contract).",
        "EXPORT",
        words=lambda: (*workspace.EXPORTS, *workspace.REPORTS, workspace.CONTRACT),
    ),
    "export format": OptionRow(
        f"Data: {', '.join(workspace.FORMATS)}. Reports: {', '.join(workspace.REPORT_FORMATS)} "
        "(default: from the file name, otherwise json or markdown).",
        "FORMAT",
        words=lambda: dict.fromkeys(workspace.SUFFIXES.values()),
    ),
    "export pair": OptionRow("Object pair, for mappings and contracts."),
    "export right": OptionRow("Connection name, for the right side (default: NAME).", "NAME"),
    "export object_type": OptionRow(
        "Object name, for schemas, drift, comparisons and mappings.", names=("--object",)
    ),
    "export since": OptionRow(f"Start date, for drift, audit, mappings: {DATE}", "DATE"),
    "export until": OptionRow(f"End date, for drift and audit: {DATE}", "DATE"),
    "export state": OptionRow("State of mappings (default: all)."),
    # Mappings.
    "mapping show pair": _argument("[PAIR]", "Object pair (default: all)."),
    "mapping check pair": _argument("[PAIR]", "Object pair (default: all)."),
    "state": OptionRow("Only mappings in this state."),
    "picks": _argument(
        "FIELD[=CRM_FIELD]...", "PartnerOS field; =CRM_FIELD overrides the suggestion."
    ),
    "encoder": OptionRow("'auto', or 'none' to match without the sentence encoder.", "auto|none"),
    "suggest fields": OptionRow("PartnerOS field (repeatable).", "FIELD", ("--field",)),
    "confidence": OptionRow(
        "Also accept suggestions of at least this confidence.", "0..1", least=0, most=1
    ),
    "direction": OptionRow("Direction (default: as suggested)."),
    "value_map": OptionRow(
        "CRM value for each PartnerOS value, as pairs or a JSON file.", "FILE|A=B,..."
    ),
    "chosen": OptionRow(
        "CRM value for each PartnerOS value, as pairs or a JSON file.", "FILE|A=B,...", ("--set",)
    ),
    "no_value_map": OptionRow("Accept values that the CRM field doesn't have."),
    "mapping filled fields": _argument("CRM_FIELD...", "CRM fields."),
    "mapping filled value": OptionRow(
        "Value that fills them, for preflight, such as '{accountName} renewal'.",
        "VALUE",
        ("--with",),
    ),
    "clear": OptionRow("Clear the mark."),
    "fields": _argument("FIELD...", "PartnerOS fields."),
    "mapping move field": _argument(
        "[FIELD]", "PartnerOS field whose CRM field was renamed (default: the CRM object)."
    ),
    "field": _argument("FIELD", "PartnerOS field."),
    "named": _argument(
        "[FIELD|DECISION]...", "PartnerOS fields, or decision IDs (default: the latest decision)."
    ),
    "mapping apply file": _argument(
        "FILE", "Mapping file (JSON) or sheet (XLSX, CSV), or - for stdin."
    ),
    "mapping apply to": OptionRow("Repeat NAME to apply another connection's file.", "NAME"),
    "map_object": OptionRow("Object pair in the file (default: PAIR)."),
    "overwrite": OptionRow("Also apply rows that changed since the export."),
    "left": _argument("LEFT", "Schema file."),
    "right": _argument("RIGHT", "Schema file."),
    "left_object": OptionRow("Object in the left file, if it contains several."),
    "right_object": OptionRow("Object in the right file, if it contains several."),
    "decisions": OptionRow("Mapping file to learn from (repeatable).", "FILE"),
    # Writes to the CRM.
    "records": OptionRow(
        "Records as CSV, JSON, JSON lines or Excel (default: boundary values).", "FILE"
    ),
    "sample": OptionRow("Read N CRM records, and show which values PartnerOS won't accept.", "N"),
    "update": OptionRow("Judge updates of existing records.", names=("--update/--create",)),
    "as_user": OptionRow("Apply the permissions of crmdeck's own user."),
    "record_type": OptionRow("API name of the record type."),
    "filled": OptionRow("CRM field that PartnerOS or automation fills.", "FIELD"),
    "ignore": OptionRow("Column to leave out.", "COLUMN"),
    "preflight fail_on": OptionRow(
        "Exit with 4 on this outcome; each includes the ones before it."
    ),
    "preflight format": OptionRow(
        "Findings: csv, jsonl. Report: html, xlsx, markdown, json (default: from the file name).",
        "FORMAT",
        words=lambda: ("csv", "jsonl", "html", "xlsx", "markdown", "json"),
    ),
    "propose output": OptionRow(
        "Folder for the files (default: only list the changes).", "FOLDER", ("--output", "-o")
    ),
    "propose field": OptionRow(
        "PartnerOS field to propose a change for (default: all that need one)."
    ),
    "project": OptionRow("SFDX project with the existing fields, to edit them.", "FOLDER"),
    "propose force": OptionRow("Overwrite existing files."),
    "explain file": _argument("[FILE]", "File with errors, or - for stdin."),
    "explain pair": OptionRow("Object pair of the failed records."),
    "explain at": OptionRow(f"Time of errors that have none: {DATE[:-1]} (default: now).", "DATE"),
    "explain connection": OptionRow("Connection name (default: the only one that fits).", "NAME"),
    "explain fail_on": OptionRow("Exit with 4 if the schema is a cause."),
    "explain format": OptionRow(
        "Format (default: from the file name, otherwise text).",
        words=lambda: dict.fromkeys(workspace.ERROR_FORMATS.values()),
    ),
    "column": OptionRow("Column with the messages (default: detected)."),
    "each": OptionRow("Explain each message on its own, one record per line."),
    "values": OptionRow("Show or mask the values of records.", names=("--values/--no-values",)),
    # Connections.
    "source": OptionRow("How crmdeck reaches the CRM.", words=workspace.sources),
    "platform": OptionRow("CRM.", words=lambda: workspace.CRMS),
    "path": OptionRow("Exported schemas: a file or a folder (files source)."),
    "instance_url": OptionRow(
        "Salesforce: production, sandbox, or the org URL (default: production)."
    ),
    "connections set instance_url": OptionRow(
        "Salesforce: production, sandbox, or the org URL ('' removes it)."
    ),
    "endpoint": OptionRow("Custom API URL: a sandbox or a proxy.", "URL"),
    "connections set endpoint": OptionRow("Custom API URL ('' restores the vendor's).", "URL"),
    "remote_id": OptionRow("Integration ID in PartnerOS (partneros source)."),
    "scope": OptionRow("Objects to refresh."),
    "include": OptionRow("Object to add to the scope (repeatable).", "OBJECT"),
    "exclude": OptionRow("Object to leave out of the scope (repeatable).", "OBJECT"),
    "ttl_hours": OptionRow("Hours until a schema is stale."),
    "without_rules": OptionRow(
        "Kind of rules to leave out of a refresh (repeatable; '' reads all kinds)."
    ),
    "api_version": OptionRow("Salesforce API version: 66.0, or newest."),
    "sync_user": OptionRow(
        "CRM user that the sync runs as: user name or ID ('' = crmdeck's own user)."
    ),
    "sync_access": OptionRow("Exported permission sets and profiles, or a list of scopes."),
    "reconnect": OptionRow("Reconnect a disconnected connection."),
    "report": OptionRow("File for the requests and the structure of responses, without names."),
    "new_name": _argument("NEW_NAME", "New connection name."),
    "flow": OptionRow(
        "Sign-in flow: browser, refresh-token, jwt, client-credentials, access-token (Salesforce); "
        "access-token, browser, refresh-token (HubSpot); password, session-token (PartnerOS)."
    ),
    "secrets": OptionRow("Where to store secrets (default: from settings, otherwise keyring)."),
    "private_key_file": OptionRow("Private key file (PEM), for jwt."),
    "redirect_port": OptionRow(
        "Port in the callback URL of your app; 0 picks a free one (default: the port that crmdeck "
        "prints).",
        least=0,
        most=65535,
    ),
    "paste": OptionRow(
        "Paste the redirect URL, for a browser on another machine (default: over SSH).",
        names=("--paste/--no-paste",),
    ),
    "open_browser": OptionRow(
        "Open the browser, or only print the address.", names=("--open/--no-open",)
    ),
    "test": OptionRow("Test the sign-in before saving.", names=("--test/--no-test",)),
    "keep_password": OptionRow("PartnerOS: store the password, not only the session."),
    "secrets move to": OptionRow("keyring, file or workspace."),
    # The workspace.
    "key": _argument("KEY", "Name of a setting."),
    "value": _argument("VALUE", "New value ('' restores the default)."),
    "file": _argument("FILE", "Backup file (zip)."),
    "restore force": OptionRow("Replace everything in the workspace."),
    # The server.
    "host": OptionRow("Address to listen on."),
    "port": OptionRow("Port (0 picks a free one).", least=0, most=65535),
    "tls_certificate": OptionRow("Certificate file (PEM), for https.", "FILE"),
    "tls_key": OptionRow("Private key file (PEM) of the certificate.", "FILE"),
    "public_url": OptionRow("URL of the TLS proxy in front of the server: https://HOST"),
    "metrics_port": OptionRow("Port for Prometheus metrics, without sign-in.", least=0, most=65535),
    "metrics_host": OptionRow("Address for metrics."),
    "email": _argument("EMAIL", "Email address of the user."),
    "role": OptionRow("Role: viewer, member or admin."),
    "serve users add role": OptionRow("Role (default: member; admin for the first user)."),
    "organization": OptionRow("ORGANIZATION or ORGANIZATION:ROLE (repeatable)."),
    "serve users set organization": OptionRow(
        "ORGANIZATION or ORGANIZATION:ROLE; replaces all (repeatable)."
    ),
    "password": OptionRow("Ask for a new password, and sign the user out."),
    "serve tokens create name": _argument("NAME", "Name of the token."),
    "serve tokens revoke name": _argument("NAME", "Name of the token."),
    "serve tokens create organization": OptionRow("Organization of the token."),
    "serve tokens revoke organization": OptionRow("Organization of the token."),
    "serve tokens create scope": OptionRow("What the token allows (repeatable)."),
    "days": OptionRow("Days until the token expires.", least=1, most=366),
    "serve organizations set name": _argument("ORGANIZATION", "Organization name."),
    "serve organizations remove name": _argument("ORGANIZATION", "Organization name."),
    "connection": OptionRow("Connection name (repeatable).", "NAME"),
    "everything": OptionRow("All connections, including later ones.", names=("--all",)),
    "allow_suggestions": OptionRow("Allow suggestions, which a user then accepts."),
    # The console, the demo and this page.
    "read_only": OptionRow("Open the console read-only."),
    "reset": OptionRow("Discard all changes to the demo without opening it."),
    "shell": _argument("SHELL", "Shell: bash, zsh or fish."),
    "web host": OptionRow("Loopback address to listen on."),
    "web port": OptionRow("Port to listen on.", least=1, most=65535),
    "folder": _argument("[FOLDER]", "Folder for the pictures."),
    "check": OptionRow("Compare with the existing pictures, and change nothing."),
    "only": OptionRow("Name of a picture (repeatable; default: all).", "PICTURE"),
    "png": OptionRow("Also draw PNG files (requires the png extra)."),
    "latency": OptionRow("Seconds that each response takes.", "SECONDS", least=0),
    "command": _argument("[COMMAND]...", "Command name."),
}
"""By parameter, or by command and parameter."""


def option_of(path: str, name: str) -> OptionRow:
    """Return the row of a command's parameter."""
    return OPTIONS.get(f"{path} {name}") or OPTIONS[name]
