"""The likely object pairs of a connection, listed while no pair is chosen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from crmdeck.errors import CrmdeckError
from crmdeck.model import CancelToken, ObjectPair
from crmdeck.tui.widgets.table import Column
from crmdeck.workspace import PairChoice, pair_choices, percent

if TYPE_CHECKING:
    from crmdeck.workspace import Workspace

LEAST_NAME, MOST_NAME = 16, 44


@dataclass(frozen=True)
class LikelyPair:
    """An object pair that is started or usual.

    `match` is the average match of all PartnerOS fields by words, 0 to 1; a field without a match
    counts as 0. `required` is the number of required CRM fields without a source. Both are None if
    the pair can't be read.
    """

    choice: PairChoice
    partner_fields: int
    match: float | None = None
    required: int | None = None

    @property
    def objects(self) -> ObjectPair:
        return ObjectPair.parse(self.choice.pair)

    @property
    def decided(self) -> int:
        """Number of PartnerOS fields with a decision."""
        started = self.choice.started
        return started.accepted + started.rejected if started is not None else 0

    @property
    def progress(self) -> str:
        return f"{self.decided} of {self.partner_fields}" if self.choice.started else "not started"


class PairList(NamedTuple):
    """The likely pairs of a connection, started ones first, and the number of all pairs."""

    ref: str
    pairs: tuple[LikelyPair, ...]
    total: int


def read_likely(workspace: Workspace, ref: str, cancel: CancelToken) -> PairList:
    """Return the likely pairs; call it in a worker: it ranks each of them.

    Raises SchemaNotDiscoveredError if no schema is cached.
    """
    mappings = workspace.mappings
    objects, partners = workspace.schemas.objects(ref).objects, mappings.partner_objects()
    every = pair_choices(mappings.pairs(ref), partners, objects)
    sizes = {partner.object_type: len(partner.fields) for partner in partners}
    found = []
    for choice in every:
        if not choice.makes_sense:
            continue
        cancel.check()
        size = sizes.get(ObjectPair.parse(choice.pair).partner_object, 0)
        match = required = None
        try:
            # The meanings of so many pairs would take too long to compare.
            match = mappings.suggest(ref, choice.pair, encoder="none").average
            required = len(mappings.required_unmapped(ref, choice.pair))
        except CrmdeckError:
            # One of its objects may be removed. The pair itself says so when it is opened.
            pass
        found.append(LikelyPair(choice, size, match, required))
    return PairList(ref, tuple(found), len(every))


COLUMNS: tuple[Column[LikelyPair], ...] = (
    Column(
        "partner",
        "PartnerOS object",
        lambda one: one.objects.partner_object,
        least=LEAST_NAME,
        most=MOST_NAME,
    ),
    Column(
        "arrow",
        "",
        lambda _: "↔",
        style=lambda _: "accent",
        width=1,
        sortable=False,
        searched=False,
    ),
    Column(
        "crm",
        "CRM object",
        lambda one: one.objects.crm_object,
        least=LEAST_NAME,
        most=MOST_NAME,
    ),
    Column(
        "match",
        "Match",
        lambda one: "-" if one.match is None else percent(one.match),
        width=len("Match"),
        align="right",
        sort_key=lambda one: -(one.match or 0),
        searched=False,
        tooltip=lambda _: "average match of all PartnerOS fields, by words",
    ),
    Column(
        "progress",
        "Decided",
        lambda one: one.progress,
        style=lambda one: "" if one.choice.started else "muted",
        width=len("not started"),
        sort_key=lambda one: -one.decided,
        searched=False,
    ),
    Column(
        "required",
        "Required",
        lambda one: f"{one.required} open" if one.required else "-",
        style=lambda one: "error" if one.required and one.choice.started else "muted",
        width=len("Required"),
        sort_key=lambda one: -(one.required or 0),
        searched=False,
    ),
)
