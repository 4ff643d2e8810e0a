"""crmdeck suggest, crmdeck match and crmdeck mapping."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

from crmdeck import model, workspace
from crmdeck.cli.groups import command_group
from crmdeck.cli.listing import Listing, wire_columns
from crmdeck.cli.output import TextTable, emit_json, emit_or_say, emit_table, say
from crmdeck.cli.session import ChangeMode, ProgressLine
from crmdeck.errors import ExitCode, UsageError
from crmdeck.files import parse_json, read_regular
from crmdeck.model import DecisionState, Direction, FailOn, Urgency
from crmdeck.text import count

app = command_group()

_LONGEST = 32 * 1024 * 1024  # bytes


def suggest(
    ws: workspace.Workspace,
    listing: Listing,
    name: str,
    pair: str,
    fields: list[str] | None = None,
    encoder: str = "auto",
) -> None:
    """Suggest a CRM field for each PartnerOS field of an object pair."""
    listing.require(columns := wire_columns(model.Suggestion))
    known = [field.name for field in ws.mappings.partner_fields(pair)]
    for field in fields or ():
        if field not in known:
            raise workspace.not_found("PartnerOS field", field, known)
    line = ProgressLine("Comparing meanings")
    try:
        answer = ws.mappings.suggest(name, pair, encoder=encoder, progress=line)
    finally:
        line.done()
    wanted = [s for s in answer.suggestions if not fields or s.partner_field in fields]
    if not listing.emit(
        wanted,
        columns=columns,
        answer=lambda found: {**answer.to_wire(), "suggestions": found},
        table={
            "PartnerOS field": "partner_field",
            "CRM field": _crm_field,
            "match": _match,
            "direction": _direction,
            "state": lambda s: workspace.STATE_WORDS[s.decision][-1],
            "fails when": lambda s: "; ".join(_warnings(s, of_preflight=True)),
            "reasons": _why,
        },
        below="reasons",
    ):
        return
    for s in wanted:
        for each in s.source_suggestions:
            say(
                f"PartnerOS suggests {each.crm_field} for {s.partner_field} "
                f"({each.confidence:.0%}, {workspace.DIRECTION_WORDS[each.direction]})."
            )
    for required in ws.mappings.required_unmapped(name, pair) if not fields else ():
        say(f"Required but not mapped: {required.name}")
    if said := ws.preflights.assumption(name):
        say(said)


def match(
    listing: Listing,
    left: Path,
    right: Path,
    left_object: str | None = None,
    right_object: str | None = None,
    decisions: list[str] | None = None,
    encoder: str = "auto",
) -> None:
    """Match the fields of two schema files, without a connection.

    Files: Salesforce describe files, HubSpot property lists, or CSV files with the columns name,
    label, description, type, picklist.
    """
    listing.require(columns := workspace.MATCH_COLUMNS)
    matches = workspace.match_files(
        left,
        right,
        left_object=left_object,
        right_object=right_object,
        encoder=encoder,
        decisions=[_read_text(file) for file in decisions or ()],
    )
    listing.emit(
        matches.suggestions,
        columns=columns,
        record=workspace.match_row,
        wire=lambda s: s.to_wire(),
        answer=lambda found: {**matches.to_wire(), "suggestions": found},
        table={
            "left": "partner_field",
            "right": _crm_field,
            "match": _match,
            "direction": _direction,
            "reasons": _why,
        },
        below="reasons",
    )


@app.command()
def show(
    ws: workspace.Workspace,
    listing: Listing,
    name: str,
    pair: str | None = None,
    state: DecisionState | None = None,
) -> None:
    """Show the mappings of a pair, or list all pairs."""
    if pair is None:
        if state is not None:
            raise UsageError("--state needs an object pair.", remedy="Enter PAIR.")
        listing.emit(
            ws.mappings.pairs(name),
            columns=wire_columns(model.PairSummary),
            table={
                "pair": "object_pair",
                "fields": "partner_fields",
                "accepted": "accepted",
                "rejected": "rejected",
                "last decided": "last_decided_at",
            },
        )
        return
    mapping = workspace.in_state(ws.mappings.get(name, pair), state)
    shown_as_table = listing.emit(
        mapping.lines,
        columns=wire_columns(model.MappingLine),
        answer=lambda lines: {**mapping.to_wire(), "lines": lines},
        table={
            "PartnerOS field": "partner_field",
            "state": lambda line: workspace.STATE_WORDS[line.state][-1],
            "CRM field": "crm_field",
            "direction": _direction,
            "decided by": "decided_by",
            "decided": "decided_at",
            "rejected": lambda line: ", ".join(line.rejected),
            "changes": lambda line: len(line.drift) or None,
        },
        least=("rejected", "decided", "decided by", "changes", "direction"),
    )
    if shown_as_table and mapping.filled_elsewhere:
        values = mapping.filled_with
        named = [f"{n} ({values[n]})" if n in values else n for n in mapping.filled_elsewhere]
        say(f"Filled elsewhere: {', '.join(named)}")


@app.command()
def accept(
    ws: workspace.Workspace,
    mode: ChangeMode,
    name: str,
    pair: str,
    picks: list[str] | None = None,
    confidence: float | None = None,
    direction: Direction | None = None,
    value_map: str | None = None,
    no_value_map: bool = False,
    encoder: str = "auto",
) -> None:
    """Accept suggestions, or mappings of your own.

    --confidence leaves out rows that need a value map.
    """
    if not picks and confidence is None:
        raise UsageError(
            "Nothing to accept.", remedy="Enter PartnerOS fields, or use --confidence 0.9"
        )
    accept_all = partial(
        ws.mappings.accept,
        name,
        pair,
        _picks(picks),
        at_least=confidence,
        direction=direction,
        value_map=_value_map(value_map),
        without_value_map=no_value_map,
        encoder=encoder,
    )
    mode.carry_out(ws, accept_all, partial(_report, as_json=mode.as_json), len)


@app.command()
def reject(
    ws: workspace.Workspace,
    mode: ChangeMode,
    name: str,
    pair: str,
    picks: list[str] | None = None,
    encoder: str = "auto",
) -> None:
    """Reject suggestions, and move to the next alternative."""
    if not picks:
        raise UsageError("Nothing to reject.", remedy="Enter PartnerOS fields.")
    reject_all = partial(ws.mappings.reject, name, pair, _picks(picks), encoder=encoder)
    mode.carry_out(ws, reject_all, partial(_report, as_json=mode.as_json), len)


@app.command()
def filled(
    ws: workspace.Workspace,
    mode: ChangeMode,
    name: str,
    pair: str,
    fields: list[str],
    value: str | None = None,
    clear: bool = False,
) -> None:
    """Mark required CRM fields as filled by PartnerOS or by automation."""
    if clear and value is not None:
        raise UsageError("--clear doesn't accept a value.", remedy="Leave out --with, or --clear.")
    mark = partial(ws.mappings.mark_filled, name, pair, fields, filled=not clear, value=value)
    mode.carry_out(ws, mark, partial(_report, as_json=mode.as_json), len)
    if value is not None:
        say("crmdeck sends no value: PartnerOS or the CRM must fill the field.")


@app.command()
def unmap(
    ws: workspace.Workspace, mode: ChangeMode, name: str, pair: str, fields: list[str]
) -> None:
    """Leave PartnerOS fields unmapped."""
    unmap_all = partial(ws.mappings.unmap, name, pair, fields)
    mode.carry_out(ws, unmap_all, partial(_report, as_json=mode.as_json), len)


@app.command()
def move(
    ws: workspace.Workspace, mode: ChangeMode, name: str, pair: str, field: str | None = None
) -> None:
    """Move every mapping of a renamed CRM field or object to its new name."""

    def show(moved: workspace.AcceptedRename) -> None:
        lines = [f"{moved.note} Moved {count(moved.moved, 'mapping')}. {moved.not_checked}"]
        lines += [f"Not moved: {one.partner_field} -> {one.crm_field}" for one in moved.left]
        emit_or_say(moved.to_wire(), "\n".join(lines).rstrip(), mode.as_json)

    move_all = partial(ws.mappings.move, name, pair, field)
    mode.carry_out(ws, move_all, show, lambda moved: moved.moved)


@app.command()
def values(
    ws: workspace.Workspace,
    mode: ChangeMode,
    listing: Listing,
    name: str,
    pair: str,
    field: str,
    chosen: str | None = None,
) -> None:
    """Show the value map of an accepted row with suggestions, or change it."""
    if chosen is not None:
        change = partial(ws.mappings.set_values, name, pair, field, _value_map(chosen) or {})
        mode.carry_out(ws, change, partial(_report, as_json=mode.as_json), len)
        return
    lines = {line.partner_field: line for line in ws.mappings.get(name, pair).lines}
    row = lines.get(field)
    if row is None or row.crm_field is None:
        raise UsageError(
            f"'{field}' isn't mapped.", remedy="List the rows: crmdeck mapping show NAME PAIR"
        )
    suggested = ws.mappings.value_map(name, pair, field, row.crm_field)
    stored = row.value_map or {}
    listing.emit(
        suggested.pairs,
        columns=wire_columns(model.ValuePair, "stored"),
        record=lambda one: {**one.to_wire(), "stored": stored.get(one.partner_value)},
        wire=lambda one: one.to_wire(),
        answer=lambda pairs: {**suggested.to_wire(), "pairs": pairs, "valueMap": row.value_map},
        table={
            "PartnerOS value": "partner_value",
            "CRM value": lambda one: stored.get(one.partner_value),
            "suggestion": "crm_value",
            "found by": "how",
        },
    )


@app.command()
def undo(
    ws: workspace.Workspace,
    mode: ChangeMode,
    name: str,
    pair: str,
    named: list[str] | None = None,
) -> None:
    """Undo the last decision on each field, or undo an undo: all or none."""
    wanted: Sequence[str | None] = named or (None,)
    targets = [ws.mappings.undoable(name, pair, one) for one in wanted]
    words = "; ".join(
        f"{target.partner_field or target.crm_field}: {workspace.decision_text(target)} "
        f"by {target.decided_by} on {target.decided_at:%Y-%m-%d}"
        for target in targets
    )
    mode.carry_out(
        ws,
        partial(ws.mappings.undo_all, name, pair, [target.id for target in targets]),
        lambda made: emit_or_say(
            made[0] if len(made) == 1 else made, f"Undone: {words}", mode.as_json
        ),
        len,
    )


@app.command()
def apply(
    ws: workspace.Workspace,
    mode: ChangeMode,
    name: str,
    pair: str,
    file: str,
    to: str | None = None,
    map_object: str | None = None,
    overwrite: bool = False,
) -> None:
    """Apply a mapping file, or a sheet that was signed off: all of its decisions or none.

    Write the sheet with crmdeck export NAME --what mapping-sheet --pair PAIR -o sheet.xlsx
    """
    # The second name confirms that the file of another connection is meant for this one.
    if to not in (None, name):
        raise UsageError(f"--to {to} isn't '{name}'.", remedy=f"Use --to {name}")
    data, other = _read(file), bool(to)
    if not mode.dry_run:
        apply_all = partial(ws.mappings.apply, name, pair, data, file_pair=map_object,
                            other=other, overwrite=overwrite)  # fmt: skip
        mode.carry_out(ws, apply_all, partial(_report, as_json=mode.as_json), len)
        return
    plan = ws.mappings.plan(
        name, pair, data, file_pair=map_object, other=other, overwrite=overwrite
    )
    if mode.as_json:
        emit_json(plan)
        return
    cells = {
        "PartnerOS field": "partner_field",
        "new state": "state",
        "before": "before",
        "after": "after",
    }
    emit_table(TextTable.of(plan.changes, cells))
    say(f"{count(len(plan.changes), 'mapping')} would change, {plan.unchanged} would not.")


@app.command()
def check(
    ws: workspace.Workspace,
    listing: Listing,
    name: str,
    pair: str | None = None,
    refresh: bool = True,
    fail_on: FailOn = FailOn.BREAKING,
) -> ExitCode:
    """List the findings about mappings. Exit with 4 if one of them fails."""
    listing.require(columns := wire_columns(model.Finding))
    if pair is not None:
        # Raises NotFoundError for a mistyped pair before the refresh.
        ws.mappings.get(name, pair)
    if refresh:
        with ProgressLine(name) as line:
            ws.refreshes.run(name, progress=line)
    found = [
        finding
        for finding in ws.findings.find([name])
        if finding.subject.object_pair is not None
        and pair in (None, finding.subject.object_pair)
        and finding.urgency in (Urgency.FAILING, Urgency.REVIEW)
        and finding.is_open
    ]
    if (
        listing.emit(
            found,
            columns=columns,
            table={
                "urgency": "urgency",
                "pair": "subject.object_pair",
                "finding": "title",
                "cause": "cause",
                "next step": lambda one: next((step.command for step in one.steps), None),
            },
            least=("pair", "cause"),
        )
        and not found
    ):
        say("No accepted mapping fails.")
    return ExitCode.DRIFT if ws.findings.has_failing(found, fail_on) else ExitCode.OK


def _crm_field(suggestion: model.Suggestion) -> str:
    if suggestion.crm_field or suggestion.decision is not DecisionState.PENDING:
        return suggestion.crm_field or "-"
    return f"taken by {suggestion.taken_by}" if suggestion.taken_by else "no match"


def _match(suggestion: model.Suggestion) -> str:
    # An unmapped row has the probability of the suggestion that was rejected.
    known = suggestion.crm_field or suggestion.decision is DecisionState.PENDING
    if suggestion.crm_field is None and suggestion.taken_by:
        known = False
    return workspace.percent(suggestion.confidence) if known else ""


def _why(suggestion: model.Suggestion) -> str:
    if suggestion.crm_field is None and suggestion.taken_by:
        best = suggestion.alternatives[0]
        return f"Fits {best.crm_field} as well ({workspace.percent(best.confidence)})."
    reasons = "; ".join(reason.text for reason in suggestion.reasons[:2])
    texts = filter(None, [reasons, *_warnings(suggestion, of_preflight=False)])
    return " ".join(f"{text}." for text in texts)


def _warnings(suggestion: model.Suggestion, *, of_preflight: bool) -> Iterator[str]:
    # Preflight's warnings begin with the CRM field, which has a column of its own.
    field = f"{suggestion.crm_field}: "
    for text in (warning.text.removesuffix(".") for warning in suggestion.warnings):
        if text.startswith(field) is of_preflight:
            yield text.removeprefix(field)


def _direction(row: model.Suggestion | model.MappingLine) -> str | None:
    return workspace.DIRECTION_WORDS[row.direction] if row.crm_field else None


def _picks(picks: list[str] | None) -> dict[str, str | None]:
    chosen: dict[str, str | None] = {}
    for item in picks or []:
        partner_field, separator, crm_field = item.partition("=")
        if partner_field in chosen:
            raise UsageError(f"{partner_field} appears twice.", remedy="Enter it once.")
        chosen[partner_field] = crm_field if separator and crm_field else None
    return chosen


def _report(decisions: tuple[model.Decision, ...], as_json: bool) -> None:
    if as_json:
        emit_json(decisions)
        return
    for decision in decisions:
        unmapped = decision.state is DecisionState.REJECTED and decision.crm_field is None
        if decision.partner_field and unmapped:
            say(f"unmapped: {decision.partner_field}")
        elif decision.partner_field:
            say(
                f"{decision.state.value}: {decision.partner_field} -> "
                f"{decision.crm_field or 'nothing'} "
                f"({workspace.DIRECTION_WORDS[decision.direction]})"
            )
        elif decision.state is DecisionState.REJECTED:
            say(f"{workspace.filled_text(decision)}: {decision.crm_field}")
        else:
            say(f"no longer {workspace.FILLED_ELSEWHERE}: {decision.crm_field}")
    if not decisions:
        say("No changes: these decisions were already made.")


def _value_map(text: str | None) -> dict[str, str] | None:
    """Return the value map in `a=b,c=d`, or in a JSON file."""
    if text is None:
        return None
    if "=" in text and not Path(text).is_file():
        parts = [item.partition("=") for item in text.split(",")]
        found: object = {value.strip(): target.strip() for value, _, target in parts}
    else:
        try:
            found = parse_json(_read(text))
        except ValueError:
            found = None
    values = found if isinstance(found, dict) else {}
    if not values or not all(isinstance(one, str) and one for one in [*values, *values.values()]):
        raise UsageError(
            f"{text} isn't a value map.",
            remedy="Use new=New,won=Won, or a JSON file that maps text to text.",
        )
    return values


def _read_text(file: str) -> str:
    try:
        return _read(file).decode()
    except UnicodeDecodeError:
        raise UsageError(f"Can't read {file}.", cause="The file isn't UTF-8 text.") from None


def _read(file: str) -> bytes:
    try:
        if file == "-":
            data = sys.stdin.buffer.read(_LONGEST + 1)
        else:
            data = read_regular(Path(file), _LONGEST)
    except OSError as error:
        raise UsageError(f"Can't read {file}.", cause=error.strerror or str(error)) from None
    if len(data) > _LONGEST:
        raise UsageError(f"{file} is too large for a mapping file.")
    return data
