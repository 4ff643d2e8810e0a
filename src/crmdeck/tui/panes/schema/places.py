"""Where one is inside the schema pane: a trail of places, from the outermost in. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

OBJECTS, FIELDS, ALL, FIELD = "objects", "fields", "all", "field"
COMPARISON, DIFFERENCE = "comparison", "difference"


class Place(NamedTuple):
    """One view, what it is about, and the filter that holds in it."""

    kind: str
    object_type: str = ""
    field_name: str = ""
    filter: str = ""


Trail = tuple[Place, ...]

KINDS = (OBJECTS, FIELDS, ALL, FIELD, COMPARISON, DIFFERENCE)

HOME: Trail = (Place(OBJECTS),)


def to_state(trail: Trail) -> list[list[str]]:
    """Return a trail as JSON values; comparisons are not kept."""
    return [list(place) for place in trail if place.kind not in (COMPARISON, DIFFERENCE)]


def from_state(state: Mapping[str, Any]) -> Trail | None:
    """Return the trail that a state names; None where it names none.

    Beside a kept trail a state may name an `object` and a `field`, as other panes do.
    """
    match state:
        case {"object": str(object_type), **rest}:
            trail = (*HOME, Place(FIELDS, object_type))
            name = rest.get("field")
            return (*trail, Place(FIELD, object_type, name)) if isinstance(name, str) else trail
        case {"trail": [_, *_] as kept}:
            places = [_place(one) for one in kept]
            known = [place for place in places if place is not None]
            return tuple(known) if known and known[0].kind == OBJECTS else None
    return None


def is_inside(place: Place) -> bool:
    """Return whether a place is about one object type."""
    return place.kind in (FIELDS, FIELD)


def _place(kept: object) -> Place | None:
    if not isinstance(kept, Sequence) or isinstance(kept, str) or len(kept) != len(Place._fields):
        return None
    if not all(isinstance(part, str) for part in kept) or kept[0] not in (
        OBJECTS,
        FIELDS,
        ALL,
        FIELD,
    ):
        return None
    return Place(*kept)
