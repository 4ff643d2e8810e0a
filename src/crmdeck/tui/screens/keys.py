"""What the keys do everywhere."""

from __future__ import annotations

from typing import Any

from crmdeck.model import Source, Status
from crmdeck.tui.actions import Action


def _has_connection(screen: Any) -> bool:
    return screen.connection_id is not None


def _can_sign_in(screen: Any) -> bool:
    status = screen.status
    return (
        status is not None
        and status.source is not Source.FILES
        and status.status is not Status.DISCONNECTED
    )


def _has_pane(screen: Any) -> bool:
    return screen.pane is not None and screen.connection_id is not None


def _can_filter(screen: Any) -> bool:
    # `/` is a letter like any other for who is typing; Textual does not hold it back itself.
    return _has_pane(screen) and not screen.is_typing


def _can_copy(screen: Any) -> bool:
    return screen.pane is not None and bool(screen.pane.error or screen.pane.can_copy())


def _can_export(screen: Any) -> bool:
    return screen.pane is not None and screen.pane.can_export()


def _can_go_back(screen: Any) -> bool:
    pane = screen.pane
    return bool(
        screen.is_loading
        or screen.filter_text
        or (pane is not None and (pane.error is not None or pane.is_loading))
    )


SCREEN_ACTIONS = (
    Action("go.rail", "connections", ("h",), help="go to the connections", palette=False),
    Action("go.pane", "pane", ("l",), help="go to the pane", applies=_has_pane, palette=False),
    Action("go.next", "next connection", ("right_square_bracket",), applies=_has_connection),
    Action("go.previous", "previous connection", ("left_square_bracket",), applies=_has_connection),
    Action(
        "go.back",
        "back",
        ("escape",),
        help="cancel what is loading, put an error away, clear the filter",
        applies=_can_go_back,
        palette=False,
    ),
    Action("view.filter", "filter", ("slash",), hint=60, applies=_can_filter),
    Action(
        "connection.refresh",
        "refresh",
        ("r",),
        help="read the schema from the CRM again",
        hint=50,
        applies=_has_connection,
        writes=True,
    ),
    Action(
        "connection.sign_in",
        "sign in",
        ("i",),
        help="sign in again, or in another way",
        applies=_can_sign_in,
        writes=True,
    ),
    Action("view.reload", "reload", ("R", "f5"), help="show what the cache holds now"),
    Action("view.copy", "copy", ("c",), help="copy what is under the cursor", applies=_can_copy),
    Action(
        "view.export",
        "export",
        ("e",),
        help="export what this pane shows",
        applies=_can_export,
        hint=20,
    ),
    Action("app.help", "help", ("question_mark",), help="what the keys do here", hint=30),
    Action("app.commands", "commands", ("ctrl+p",), hint=25, palette=False),
    Action("app.suspend", "suspend", ("ctrl+z",), help="back to the shell; fg returns"),
    Action("app.quit", "quit", ("q",), hint=15),
)
