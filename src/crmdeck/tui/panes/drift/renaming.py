"""The way of `t`: take what left and what came as one rename, and let mappings follow."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from crmdeck.model import Decision, DecisionState
from crmdeck.tui.dialogs.confirm import Confirm
from crmdeck.tui.text import count
from crmdeck.workspace import Entry

if TYPE_CHECKING:
    from crmdeck.tui.panes.drift.board import Board
    from crmdeck.workspace import Workspace


def ask_and_take_rename(pane: Board, old: Entry, new: Entry, mapped: Sequence[Decision]) -> None:
    """Acknowledge both halves; where `mapped` stands on the old name, ask whether to move it."""

    def answered(move: bool | None) -> None:
        if move is not None:
            _take(pane, old, new, mapped if move else ())

    if not mapped:
        _take(pane, old, new, ())
        return
    names = ", ".join(f"{d.object_pair.partition('--')[0]}.{d.partner_field}" for d in mapped)
    number = count(len(mapped), "mapping")
    pane.app.push_screen(
        Confirm(
            f"Move {number} to {new.event.field_name}?",
            f"{old.event.field_name} seems to be called {new.event.field_name} now.\n"
            f"Mapped to the old name: {names}\n\n"
            "Both changes are acknowledged either way; Esc leaves all as it is. "
            "A moved mapping can be undone in the Mapping pane.",
            yes=f"Move {number}",
            opened_by="t",
        ),
        answered,
    )


def _take(pane: Board, old: Entry, new: Entry, moving: Sequence[Decision]) -> None:
    name = new.event.field_name or ""
    note = f"Renamed: {old.event.field_name} is {name} now."

    def work() -> int:
        _move(pane.workspace, moving, name, note)
        return pane.workspace.drift.acknowledge([old.event.id, new.event.id], note)

    def done(_: int) -> None:
        moved = f" {count(len(moving), 'mapping')} moved along." if moving else ""
        pane.say_done(note + moved)

    pane.load(
        "rename", lambda _: work(), done, label=f"taking {name} as renamed", cancellable=False
    )


def _move(workspace: Workspace, moving: Sequence[Decision], crm_field: str, note: str) -> None:
    """Accept the new name wherever the old one stands, with its direction and value map."""
    from crmdeck.model import Choice

    pairs: dict[tuple[str, str], list[Choice]] = {}
    for decision in moving:
        choice = Choice(
            partner_field=decision.partner_field,
            state=DecisionState.ACCEPTED,
            crm_field=crm_field,
            direction=decision.direction,
            value_map=decision.value_map,
            note=note,
        )
        pairs.setdefault((decision.connection_id, decision.object_pair), []).append(choice)
    for (connection_id, pair), choices in pairs.items():
        workspace.mappings.decide(connection_id, pair, choices)
