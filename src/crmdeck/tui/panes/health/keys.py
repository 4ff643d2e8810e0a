"""What the keys do in the health pane."""

from __future__ import annotations

from typing import Any

from crmdeck.model import Source
from crmdeck.tui.actions import Action, Actions


def _has_entry(pane: Any) -> bool:
    return pane.entry is not None


def _is_connected(pane: Any) -> bool:
    return pane.entry is not None and pane.entry.connection.disconnected_at is None


def _is_disconnected(pane: Any) -> bool:
    return pane.entry is not None and pane.entry.connection.disconnected_at is not None


def _reads_files(pane: Any) -> bool:
    return _is_connected(pane) and pane.entry.connection.source is Source.FILES


def _has_step(pane: Any) -> bool:
    return pane.step is not None


def _is_inside(pane: Any) -> bool:
    return bool(pane.is_inside)


HEALTH_ACTIONS: Actions = (
    Action(
        "health.next_step",
        "next step",
        ("n",),
        help="do what the most urgent alert asks for: sign in, refresh, see the drift",
        hint=90,
        applies=_has_step,
    ),
    Action(
        "health.test",
        "test",
        ("t",),
        help="ask the CRM who we are there, what is not allowed, and how much quota is left",
        hint=80,
        applies=_is_connected,
    ),
    Action(
        "health.add",
        "add",
        ("a",),
        help="add a connection",
        hint=75,
        writes=True,
    ),
    Action(
        "health.refresh_all",
        "refresh all",
        ("ctrl+r",),
        help="read the schemas of all connections again",
        hint=48,
        applies=_has_entry,
        writes=True,
    ),
    Action(
        "health.order",
        "order",
        ("o",),
        help="order by name, or the worst first",
        hint=18,
    ),
    Action(
        "health.rename",
        "rename",
        ("N",),
        help="give the connection another name",
        applies=_has_entry,
        writes=True,
    ),
    Action(
        "health.folder",
        "folder",
        ("p",),
        help="read exported schemas from another folder or file",
        hint=70,
        applies=_reads_files,
        writes=True,
    ),
    Action(
        "health.disconnect",
        "disconnect",
        ("x",),
        help="mark the connection as disconnected; nothing is deleted",
        applies=_is_connected,
        writes=True,
        mode="connected",
    ),
    Action(
        "health.reconnect",
        "reconnect",
        ("x",),
        help="take a disconnection back",
        hint=85,
        applies=_is_disconnected,
        writes=True,
        mode="disconnected",
    ),
    Action(
        "health.other",
        "cards or details",
        ("tab",),
        help="go between the cards and the details",
        palette=False,
    ),
    Action(
        "health.leave",
        "back",
        ("escape",),
        help="go back to the cards",
        hint=95,
        applies=_is_inside,
        palette=False,
    ),
)
