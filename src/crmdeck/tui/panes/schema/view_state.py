"""The state of the schema pane: a trail of places, the time, and both sides of a comparison."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from crmdeck.model import to_utc

OBJECTS, FIELDS, ALL, FIELD = "objects", "fields", "all", "field"
EVERYWHERE = "everywhere"
COMPARISON, DIFFERENCE = "comparison", "difference"


class Address(NamedTuple):
    """The address of a place: its kind, its object and field, and its filter."""

    kind: str
    object_type: str = ""
    field_name: str = ""
    filter: str = ""

    @property
    def compares(self) -> bool:
        """True for a comparison, and for what differs in one object."""
        return self.kind in (COMPARISON, DIFFERENCE)


Trail = tuple[Address, ...]

Side = tuple[str, datetime | None]
"""One side of a comparison: the id of a connection, and the time (None: today)."""

ComparedSides = tuple[Side, Side]

KINDS = (OBJECTS, FIELDS, ALL, EVERYWHERE, FIELD, COMPARISON, DIFFERENCE)

HOME: Trail = (Address(OBJECTS),)


@dataclass
class SchemaViewState:
    """The trail of places, the time (None: today), and both sides of a comparison."""

    trail: Trail = HOME
    at: datetime | None = None
    sides: ComparedSides | None = None

    @property
    def address(self) -> Address:
        return self.trail[-1]

    def leave_comparison(self) -> None:
        while self.address.compares:
            self.trail = self.trail[:-1]

    def prune(self, exists: Callable[[Address], bool]) -> None:
        """Leave the places that no longer exist."""
        for depth, address in enumerate(self.trail):
            if not exists(address):
                # The places after it were inside.
                self.trail = self.trail[:depth] or HOME
                break

    def restore(self, state: Mapping[str, object]) -> None:
        """Restore a kept state, or go to the `object` and `field` of a location."""
        trail = from_state(state)
        match state.get("sides"):
            case [[str(left), left_at], [str(right), right_at]]:
                self.sides = (left, moment_of(left_at)), (right, moment_of(right_at))
            case _:
                self.sides = None
        if trail is not None:
            there = (one for one in trail if self.sides is not None or not one.compares)
            self.trail = tuple(there) or HOME
        # A location of another pane is about today.
        self.at = None if "object" in state else moment_of(state.get("at"))


def moment_of(text: object) -> datetime | None:
    try:
        return to_utc(datetime.fromisoformat(text)) if isinstance(text, str) else None
    except (ValueError, OverflowError):
        return None


def in_order(here: Side, there: Side) -> ComparedSides:
    """Return two sides as left and right: the earlier time on the left, else `here`."""
    if here[0] != there[0]:
        return here, there
    later_here = there[1] is not None and (here[1] is None or here[1] > there[1])
    return (there, here) if later_here else (here, there)


def from_state(state: Mapping[str, object]) -> Trail | None:
    """Return the trail in a state, or None.

    Other panes name an `object` and a `field` instead of a trail.
    """
    match state:
        case {"object": str(object_type), **rest}:
            trail = (*HOME, Address(FIELDS, object_type))
            name = rest.get("field")
            return (*trail, Address(FIELD, object_type, name)) if isinstance(name, str) else trail
        case {"trail": [_, *_] as kept}:
            # The file may come from another version, or from an editor.
            known = [
                Address(*one)
                for one in kept
                if isinstance(one, list)
                and len(one) == len(Address._fields)
                and all(isinstance(part, str) for part in one)
                and one[0] in KINDS
            ]
            return tuple(known) if known and known[0].kind == OBJECTS else None
    return None
