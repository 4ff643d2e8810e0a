"""A mapping sheet that people signed off in a spreadsheet, read back as choices.

`crmdeck export NAME --what mapping-sheet` writes the workbook. People fill the columns of
`ROOM`. The other cells show what they decided on, and must be as they were written.
"""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from crmdeck.errors import UsageError
from crmdeck.formats.csvtext import restore
from crmdeck.formats.document import ZIP_MAGIC, SchemaFile, to_text
from crmdeck.formats.sheets import Row, read_csv, read_workbook
from crmdeck.model import Choice, DecisionState, Direction, MappingLine

TITLE = "Mappings"
PAIR_FACT = "object pair"
CONNECTION_FACT = "connection"
ROOM = ("decision", "other field", "note", "signed off by")
COLUMNS = (
    "status", "PartnerOS field", "PartnerOS label", "CRM field", "CRM label", "direction",
    "match", "reasons", "values", "warnings", "decided",
)  # fmt: skip
WORDS = ("accept", "reject", "unmap")
_REQUIRED = ("status", "PartnerOS field", "decision")
_FORMULA = re.compile(rb'<(?:\w+:)?c\b[^>]*?\br="([A-Z]+\d+)"[^>]*>\s*<(?:\w+:)?f\b')
_MERGED = re.compile(rb'<(?:\w+:)?mergeCell\b[^>]*?\bref="([^"]+)"')


class SheetRow(NamedTuple):
    """A decided row: the choice, the cell of the decision, and the line at the export."""

    choice: Choice
    cell: str
    status: str
    crm_field: str
    direction: str
    decided: str

    def has_changed(self, line: MappingLine | None) -> bool:
        """True if the mapping isn't the one that the row shows."""
        if line is None:
            return False
        if line.state is not DecisionState.ACCEPTED:
            return (self.status, self.decided) != (line.state, decided_text(line))
        return (self.status, self.crm_field, self.direction, self.decided) != (
            line.state,
            line.crm_field,
            line.direction,
            decided_text(line),
        )


class MappingSheet(NamedTuple):
    """The decided rows of a sheet; a CSV names neither connection nor pair."""

    connection: str | None
    rows: tuple[SheetRow, ...]


def decided_text(line: MappingLine) -> str:
    """Return who decided a mapping and when, as in a sheet; empty if no one did."""
    if line.decided_at is None:
        return ""
    return f"{line.decided_by}, {line.decided_at:%Y-%m-%d %H:%M:%S}"


def is_sheet(data: bytes) -> bool:
    """True if a file is a workbook or a CSV, not JSON."""
    return data.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] not in (b"{", b"[")


def read_sheet(data: bytes, pair: str) -> MappingSheet:
    """Return the decided rows of a sheet of `pair`.

    Raises UsageError with the first cell that isn't as crmdeck wrote it, and SourceError if the
    file can't be read.
    """
    file = SchemaFile("The sheet", data)
    if not data.startswith(ZIP_MAGIC):
        rows = read_csv(file, to_text(file, data)).rows
        # The export puts an apostrophe before what a spreadsheet would run as a formula.
        restored = [Row(row.place, tuple(map(restore, row.cells))) for row in rows]
        return MappingSheet(None, _decided(restored))
    sheets = {sheet.name: sheet.rows for sheet in read_workbook(file, data)}
    _refuse_formulas(data)
    if TITLE not in sheets:
        raise _refused(f"The workbook has no sheet '{TITLE}'.")
    facts = {
        row.cells[0]: (number, row.cells[1])
        for number, row in enumerate(sheets.get("Summary", ()), 1)
        if len(row.cells) > 1
    }
    if PAIR_FACT not in facts:
        raise _refused(f"The sheet 'Summary' has no row '{PAIR_FACT}'.")
    number, found = facts[PAIR_FACT]
    if found != pair:
        raise _refused(f"Cell Summary!B{number}: the sheet is one of {found}, not of {pair}.")
    return MappingSheet(facts.get(CONNECTION_FACT, (0, None))[1], _decided(sheets[TITLE]))


def _decided(rows: Sequence[Row]) -> tuple[SheetRow, ...]:
    if not rows:
        raise _refused("The sheet is empty.")
    places = _places(rows[0].cells)
    found: list[SheetRow] = []
    seen: dict[str, int] = {}
    for number, row in enumerate(rows[1:], 2):
        cells = {
            name: row.cells[index].strip() if index < len(row.cells) else ""
            for name, index in places.items()
        }
        # A note next to the table would be lost without a word.
        stray = next((i for i, cell in enumerate(row.cells) if cell and i >= len(places)), None)
        if stray is not None:
            raise _refused(f"Cell {_letters(stray)}{number}: the column has no heading.")
        name = cells["PartnerOS field"]
        if not row.filled:
            continue
        if not name or name in seen:
            at = f"Cell {_letters(places['PartnerOS field'])}{number}"
            raise _refused(
                f"{at}: '{name}' is in row {seen[name]} too." if name else f"{at} is empty."
            )
        seen[name] = number
        if cells["decision"] or cells.get("other field"):
            found.append(_row(cells, places, number))
    if not found:
        column = _letters(places["decision"])
        raise _refused(
            f"Column {column} has no decision.",
            remedy=f"Write {', '.join(WORDS)} in it, or a CRM field under 'other field'.",
        )
    return tuple(found)


def _places(headings: Sequence[str]) -> dict[str, int]:
    """Return the column of each heading; raises UsageError unless they are in our order."""
    known = (*COLUMNS, *ROOM)
    names = [each.strip() for each in headings]
    # Spreadsheets keep empty cells to the right of the headings.
    while names and not names[-1]:
        names.pop()
    last = -1
    for index, name in enumerate(names):
        cell = f"Cell {_letters(index)}1"
        if name not in known:
            raise _refused(f"{cell}: '{name}' isn't a heading of a mapping sheet.")
        if known.index(name) <= last:
            raise _refused(f"{cell}: the column '{name}' was moved or copied.")
        last = known.index(name)
    missing = [name for name in _REQUIRED if name not in names]
    if missing:
        raise _refused(f"Row 1 has no heading '{missing[0]}'.")
    return {name: index for index, name in enumerate(names)}


def _row(cells: Mapping[str, str], places: Mapping[str, int], number: int) -> SheetRow:
    word, other = cells["decision"].casefold(), cells.get("other field", "")
    cell = f"{_letters(places['decision'])}{number}"
    if word and word not in WORDS:
        raise _refused(
            f"Cell {cell}: '{cells['decision']}' isn't a decision.",
            remedy=f"Write one of: {', '.join(WORDS)}",
        )
    if other and word in ("reject", "unmap"):
        at = f"{_letters(places['other field'])}{number}"
        raise _refused(f"Cells {cell} and {at}: '{word}' can't have another field.")
    shown = cells.get("CRM field", "")
    if not (other or shown) and word != "unmap":
        raise _refused(f"Cell {cell}: the row has no CRM field to {word}.")
    signed = cells.get("signed off by")
    note = "; ".join(
        part for part in (cells.get("note"), f"signed off by {signed}" if signed else "") if part
    )
    choice = Choice(
        partner_field=cells["PartnerOS field"],
        state=DecisionState.REJECTED if word in ("reject", "unmap") else DecisionState.ACCEPTED,
        crm_field=None if word == "unmap" else other or shown,
        note=note or None,
    )
    # The direction and the values of the row belong to its own CRM field, not to another one.
    if choice.state is DecisionState.ACCEPTED and not other:
        values = cells.get("values", "")
        choice = choice.model_copy(
            update={
                "direction": _direction(cells, places, number),
                "value_map": _value_map(values, places, number) if values else None,
            }
        )
    return SheetRow(
        choice, cell, cells["status"], shown, cells.get("direction", ""), cells.get("decided", "")
    )


def _direction(cells: Mapping[str, str], places: Mapping[str, int], number: int) -> Direction:
    try:
        return Direction(cells.get("direction", ""))
    except ValueError:
        at = f"{_letters(places.get('direction', 0))}{number}"
        raise _refused(
            f"Cell {at}: '{cells.get('direction', '')}' isn't a direction.",
            remedy=f"Write one of: {', '.join(Direction)}",
        ) from None


def _value_map(text: str, places: Mapping[str, int], number: int) -> dict[str, str]:
    pairs = [part.partition(" = ") for part in text.split("; ")]
    wrong = next((left for left, sign, _ in pairs if not sign), None)
    if wrong is not None:
        at = f"{_letters(places['values'])}{number}"
        raise _refused(f"Cell {at}: '{wrong}' isn't VALUE = CRM VALUE.")
    return {left: right for left, _, right in pairs}


def _refuse_formulas(data: bytes) -> None:
    """Raise UsageError for a formula or merged cells: the reader shows their values only."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        if "xl/workbook.xml" not in archive.namelist():
            raise _refused("The workbook isn't XLSX.", remedy="Save it as XLSX or CSV.")
        for name in archive.namelist():
            if not re.fullmatch(r"xl/worksheets/[^/]+\.xml", name):
                continue
            text = archive.read(name)
            if formula := _FORMULA.search(text):
                raise _refused(f"Cell {formula[1].decode()} contains a formula.")
            if merged := _MERGED.search(text):
                raise _refused(f"Cells {merged[1].decode(errors='replace')} are merged.")


def _letters(index: int) -> str:
    """Return the letters of a column, from 0 on."""
    text = ""
    while index >= 0:
        text = chr(ord("A") + index % 26) + text
        index = index // 26 - 1
    return text


def _refused(cause: str, *, remedy: str | None = None) -> UsageError:
    return UsageError(
        "The mapping sheet can't be applied. Nothing was changed.",
        cause=cause,
        remedy=remedy or "Export it again with --what mapping-sheet -o sheet.xlsx",
        code="BAD_MAPPING_SHEET",
    )
