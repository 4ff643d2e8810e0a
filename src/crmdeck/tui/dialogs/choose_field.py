"""Choose the field of a mapping: suggestions first, then all fields of the object."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from crmdeck.tui.dialogs.choose import Choice, Choose, Lines, columns_of
from crmdeck.tui.filters import FilterKey, flag_key, text_key
from crmdeck.tui.text import cut_middle, display_text
from crmdeck.tui.widgets.table import Column
from crmdeck.workspace import FieldChoice, Searchable

LEAST_NAME, LEAST_LABEL = 16, 16
MOST_NAME, MOST_TYPE = 40, 40
MATCH = 5
NOTE = 400
"""Characters of a note shown."""
NOTES = 6
"""Lines of notes."""

FILTER_KEYS: dict[str, FilterKey[Choice[FieldChoice]]] = {
    "type": text_key(lambda choice: choice.value.type),
    "custom": flag_key(lambda choice: choice.value.custom),
    "required": flag_key(lambda choice: choice.value.required),
}


def choose_field(
    title: str,
    options: Sequence[FieldChoice],
    *,
    current: str | None = None,
    notes: Callable[[str], Lines] = lambda _: (),
    column: str = "CRM field",
) -> Choose[FieldChoice]:
    """Return the dialog. `notes` returns lines about a field; the cursor begins at `current`."""

    def lines(option: FieldChoice) -> Iterator[tuple[str, str]]:
        # The list may have had no room for the label.
        yield f"{option.label}, {option.type}" if option.label else option.type, "$foreground"
        if option.why:
            yield option.why, ""
        for text, style in notes(option.name):
            yield display_text(text, NOTE), style

    return Choose(
        title,
        [
            Choice(
                option,
                option.name,
                blocked=f"already mapped to {option.holder}: change that row first"
                if option.holder
                else "",
            )
            for option in options
        ],
        columns=columns_of(columns_for(column)),
        gives=GIVES,
        searched=lambda one: Searchable(one.label, texts=(one.value.label, one.value.type)),
        filter_keys=FILTER_KEYS,
        current=next((option for option in options if option.name == current), None),
        placeholder="type to search name, label, type:picklist",
        empty="This object has no fields.",
        notes=lambda option: [*lines(option)],
        note_lines=NOTES,
    )


def columns_for(title: str) -> tuple[Column[FieldChoice], ...]:
    return (
        Column(
            "name",
            title,
            lambda option: option.name,
            style=lambda option: "muted" if option.holder else "strong" if option.match else "",
            least=LEAST_NAME,
            most=MOST_NAME,
            fit=lambda option, width: cut_middle(option.name, width),
        ),
        Column(
            "label",
            "Label",
            lambda option: option.label,
            style=lambda _: "muted",
            least=LEAST_LABEL,
        ),
        Column("type", "Type", lambda option: option.type, least=len("Type"), most=MOST_TYPE),
        Column(
            "sure", "Match", lambda option: option.match, width=MATCH, align="right", searched=False
        ),
    )


GIVES = (("label", 0), ("name", LEAST_NAME))
"""Names stay whole, because a note has the labels."""
