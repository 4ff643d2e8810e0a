"""crmdeck suggest, crmdeck match and crmdeck mapping."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from crmdeck import model, workspace
from crmdeck.cli.groups import command_group
from crmdeck.cli.listing import Listing, lists, wire_columns
from crmdeck.cli.options import (
    DryRunOption,
    EncoderOption,
    JsonOption,
    NameArgument,
    PairArgument,
    RefreshOption,
    YesOption,
)
from crmdeck.cli.output import TextTable, emit_json, emit_or_say, emit_table, say
from crmdeck.cli.session import ProgressLine, carry_out, failing, in_workspace
from crmdeck.errors import ExitCode, UsageError
from crmdeck.files import parse_json, read_regular
from crmdeck.model import DecisionState, Direction, Urgency
from crmdeck.text import count

app = command_group()

AnyPairArgument = Annotated[
    str | None,
    typer.Argument(metavar="[PAIR]", help="Object pair (default: all).", show_default=False),
]

_LONGEST = 32 * 1024 * 1024  # bytes

PicksArgument = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="FIELD[=CRM_FIELD]...",
        help="PartnerOS field, with a CRM field or the suggested one.",
        show_default=False,
    ),
]


@lists
@in_workspace()
def suggest(
    ws: workspace.Workspace,
    listing: Listing,
    name: NameArgument,
    pair: PairArgument,
    fields: Annotated[
        list[str] | None,
        typer.Option("--field", metavar="FIELD", help="PartnerOS field (repeatable)."),
    ] = None,
    encoder: EncoderOption = "auto",
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


@lists
def match(
    listing: Listing,
    left: Annotated[Path, typer.Argument(metavar="LEFT", help="Schema file.")],
    right: Annotated[Path, typer.Argument(metavar="RIGHT", help="Schema file.")],
    left_object: Annotated[
        str | None,
        typer.Option("--left-object", help="Object in the left file, if it contains several."),
    ] = None,
    right_object: Annotated[
        str | None,
        typer.Option("--right-object", help="Object in the right file, if it contains several."),
    ] = None,
    decisions: Annotated[
        list[str] | None,
        typer.Option(
            "--decisions", metavar="FILE", help="Mapping file to learn from (repeatable)."
        ),
    ] = None,
    encoder: EncoderOption = "auto",
) -> None:
    """Match the fields of two schema files, without a connection.

    Files: Salesforce describe files, HubSpot property lists, or CSV files with the columns name,
    label, description, type, picklist.
    """
    with failing(listing.as_json):
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
@lists
@in_workspace()
def show(
    ws: workspace.Workspace,
    listing: Listing,
    name: NameArgument,
    pair: AnyPairArgument = None,
    state: Annotated[
        DecisionState | None, typer.Option("--state", help="Only mappings in this state.")
    ] = None,
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
@in_workspace()
def accept(
    ws: workspace.Workspace,
    name: NameArgument,
    pair: PairArgument,
    picks: PicksArgument = None,
    confidence: Annotated[
        float | None,
        typer.Option(
            "--confidence", min=0, max=1, help="Also accept suggestions with this confidence."
        ),
    ] = None,
    direction: Annotated[
        Direction | None, typer.Option("--direction", help="Direction (default: as suggested).")
    ] = None,
    value_map: Annotated[
        str | None,
        typer.Option(
            "--value-map",
            metavar="FILE|A=B,...",
            help="CRM value for each PartnerOS value, as pairs or a JSON file.",
            show_default=False,
        ),
    ] = None,
    without: Annotated[
        bool, typer.Option("--no-value-map", help="Accept values that the CRM field doesn't have.")
    ] = False,
    encoder: EncoderOption = "auto",
    dry_run: DryRunOption = False,
    yes: YesOption = False,
    as_json: JsonOption = False,
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
        without_value_map=without,
        encoder=encoder,
    )
    _decide(ws, accept_all, dry_run=dry_run, yes=yes, as_json=as_json)


@app.command()
@in_workspace()
def reject(
    ws: workspace.Workspace,
    name: NameArgument,
    pair: PairArgument,
    picks: PicksArgument = None,
    encoder: EncoderOption = "auto",
    dry_run: DryRunOption = False,
    yes: YesOption = False,
    as_json: JsonOption = False,
) -> None:
    """Reject suggestions, and move to the next alternative."""
    if not picks:
        raise UsageError("Nothing to reject.", remedy="Enter PartnerOS fields.")
    reject_all = partial(ws.mappings.reject, name, pair, _picks(picks), encoder=encoder)
    _decide(ws, reject_all, dry_run=dry_run, yes=yes, as_json=as_json)


@app.command()
@in_workspace()
def filled(
    ws: workspace.Workspace,
    name: NameArgument,
    pair: PairArgument,
    fields: Annotated[
        list[str], typer.Argument(metavar="CRM_FIELD...", help="CRM fields.", show_default=False)
    ],
    value: Annotated[
        str | None,
        typer.Option(
            "--with",
            metavar="VALUE",
            help="What fills them, for preflight: a value, or '{accountName} renewal'.",
            show_default=False,
        ),
    ] = None,
    clear: Annotated[bool, typer.Option("--clear", help="Clear the mark.")] = False,
    dry_run: DryRunOption = False,
    yes: YesOption = False,
    as_json: JsonOption = False,
) -> None:
    """Mark required CRM fields as filled by PartnerOS or by automation."""
    if clear and value is not None:
        raise UsageError("--clear takes no value.", remedy="Leave out --with, or --clear.")
    mark = partial(ws.mappings.mark_filled, name, pair, fields, filled=not clear, value=value)
    _decide(ws, mark, dry_run=dry_run, yes=yes, as_json=as_json)
    if value is not None:
        say("crmdeck sends no value: PartnerOS or the CRM must fill the field.")


@app.command()
@in_workspace()
def unmap(
    ws: workspace.Workspace,
    name: NameArgument,
    pair: PairArgument,
    fields: Annotated[
        list[str],
        typer.Argument(metavar="FIELD...", help="PartnerOS fields.", show_default=False),
    ],
    dry_run: DryRunOption = False,
    yes: YesOption = False,
    as_json: JsonOption = False,
) -> None:
    """Leave PartnerOS fields unmapped. The CRM need not have their fields."""
    unmap_all = partial(ws.mappings.unmap, name, pair, fields)
    _decide(ws, unmap_all, dry_run=dry_run, yes=yes, as_json=as_json)


@app.command()
@in_workspace()
def move(
    ws: workspace.Workspace,
    name: NameArgument,
    pair: PairArgument,
    field: Annotated[
        str | None,
        typer.Argument(
            metavar="[FIELD]",
            help="PartnerOS field whose CRM field was renamed (default: the CRM object).",
            show_default=False,
        ),
    ] = None,
    dry_run: DryRunOption = False,
    as_json: JsonOption = False,
) -> None:
    """Move every mapping of a renamed CRM field or object to its new name."""

    def show(moved: workspace.AcceptedRename) -> None:
        lines = [f"{moved.note} Moved {count(moved.moved, 'mapping')}. {moved.not_checked}"]
        lines += [f"Not moved: {one.partner_field} -> {one.crm_field}" for one in moved.left]
        emit_or_say(moved.to_wire(), "\n".join(lines).rstrip(), as_json)

    carry_out(ws, partial(ws.mappings.move, name, pair, field), show, dry_run=dry_run, ask=False)


@app.command()
@in_workspace()
def values(
    ws: workspace.Workspace,
    name: NameArgument,
    pair: PairArgument,
    field: Annotated[str, typer.Argument(metavar="FIELD", help="PartnerOS field.")],
    chosen: Annotated[
        str | None,
        typer.Option(
            "--set",
            metavar="FILE|A=B,...",
            help="CRM value for each PartnerOS value, as pairs or a JSON file.",
            show_default=False,
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Show the value map of an accepted row with suggestions, or change it."""
    if chosen is not None:
        _report(ws.mappings.set_values(name, pair, field, _value_map(chosen) or {}), as_json)
        return
    lines = {line.partner_field: line for line in ws.mappings.get(name, pair).lines}
    row = lines.get(field)
    if row is None or row.crm_field is None:
        raise UsageError(
            f"'{field}' isn't mapped.", remedy="List the rows: crmdeck mapping show NAME PAIR"
        )
    suggested = ws.mappings.value_map(name, pair, field, row.crm_field)
    if as_json:
        emit_json({**suggested.to_wire(), "valueMap": row.value_map})
        return
    stored = row.value_map or {}
    cells: dict[str, str | Callable[[model.ValuePair], object]] = {
        "PartnerOS value": "partner_value",
        "CRM value": lambda one: stored.get(one.partner_value),
        "suggestion": "crm_value",
        "found by": "how",
    }
    emit_table(TextTable.of(suggested.pairs, cells))


@app.command()
@in_workspace()
def undo(
    ws: workspace.Workspace,
    name: NameArgument,
    pair: PairArgument,
    decision: Annotated[
        str | None,
        typer.Argument(
            metavar="[FIELD|DECISION]",
            help="PartnerOS field, or decision ID (default: the latest decision).",
            show_default=False,
        ),
    ] = None,
    dry_run: DryRunOption = False,
    as_json: JsonOption = False,
) -> None:
    """Undo the last decision on a field, or undo an undo."""
    target = ws.mappings.undoable(name, pair, decision)
    words = (
        f"{target.partner_field or target.crm_field}: {workspace.decision_text(target)} "
        f"by {target.decided_by} on {target.decided_at:%Y-%m-%d}"
    )
    if dry_run:
        emit_or_say(target, f"Would undo {words}", as_json)
        return
    emit_or_say(ws.mappings.undo(name, pair, target.id), f"Undone: {words}", as_json)


@app.command()
@in_workspace()
def apply(
    ws: workspace.Workspace,
    name: NameArgument,
    pair: PairArgument,
    file: Annotated[
        str,
        typer.Argument(
            metavar="FILE", help="Mapping file (JSON) or sheet (XLSX, CSV), or - for stdin."
        ),
    ],
    to: Annotated[
        str | None,
        typer.Option("--to", help="Repeat NAME to apply the file of another connection."),
    ] = None,
    map_object: Annotated[
        str | None, typer.Option("--map-object", help="Object pair in the file (default: PAIR).")
    ] = None,
    dry_run: DryRunOption = False,
    yes: YesOption = False,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Also apply rows that changed since the export.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Apply a mapping file, or a sheet that was signed off: all of its decisions or none.

    Write the sheet with crmdeck export NAME --what mapping-sheet --pair PAIR -o sheet.xlsx
    """
    # The second name confirms that the file of another connection is meant for this one.
    if to not in (None, name):
        raise UsageError(f"--to {to} isn't '{name}'.", remedy=f"Use --to {name}")
    data = _read(file)
    if not dry_run:
        apply_all = partial(
            ws.mappings.apply, name, pair, data, file_pair=map_object, other=bool(to),
            overwrite=overwrite,
        )  # fmt: skip
        _decide(ws, apply_all, dry_run=False, yes=yes, as_json=as_json)
        return
    plan = ws.mappings.plan(
        name, pair, data, file_pair=map_object, other=bool(to), overwrite=overwrite
    )
    if as_json:
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
@lists
@in_workspace()
def check(
    ws: workspace.Workspace,
    listing: Listing,
    name: NameArgument,
    pair: AnyPairArgument = None,
    refresh: RefreshOption = True,
) -> ExitCode:
    """List what is open about mappings. Exit with 4 if one of them fails."""
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
    return ExitCode.DRIFT if any(one.urgency is Urgency.FAILING for one in found) else ExitCode.OK


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


def _decide(
    ws: workspace.Workspace,
    act: Callable[[], tuple[model.Decision, ...]],
    *,
    dry_run: bool,
    yes: bool,
    as_json: bool,
) -> None:
    show = partial(_report, as_json=as_json)
    carry_out(ws, act, show, dry_run=dry_run, ask=not (yes or as_json))


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
