"""How full fields are, in words; and the values that were looked at, for this sitting only."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from crmdeck.text import ago, count
from crmdeck.text import percent_filled as percent_filled
from crmdeck.tui.text import display_text

if TYPE_CHECKING:
    from crmdeck.model import FillRate
    from crmdeck.tui.host import PaneHost
    from crmdeck.tui.loading.requests import Loader
    from crmdeck.workspace import FieldSample

SAMPLES_HELP = "Show or hide fill rates and sample values."

SHOWN = 5
"""How many values of a field are shown at most."""

LONGEST = 40

Subject = tuple[str, str]
"""A connection and an object type."""


@dataclass(frozen=True)
class Fullness:
    """How full the fields of an object type are, by name; `values` are those to be shown.

    `repr` leaves the values out: only the operator who asked is to see them.
    """

    rates: Mapping[str, FillRate] = field(default_factory=dict)
    values: Mapping[str, tuple[str, ...]] = field(default_factory=dict, repr=False)


class Samples:
    """What was looked at in this sitting; nothing of it is written anywhere."""

    def __init__(self) -> None:
        self.shown = False
        self._rates: dict[Subject, dict[str, FillRate]] = {}
        self._values: dict[Subject, dict[str, tuple[str, ...]]] = {}

    def take(self, subject: Subject, wanted: Sequence[str], found: FieldSample) -> None:
        """Keep what was found of the fields that were asked for."""
        self._rates.setdefault(subject, {}).update(found.rates)
        values = self._values.setdefault(subject, {})
        values.update({name: tuple(found.values.get(name, ())) for name in wanted})

    def missing(self, subject: Subject, fields: Sequence[str]) -> tuple[str, ...]:
        """Return which of the fields have not been looked at."""
        known = self._values.get(subject, {})
        return tuple(name for name in fields if name not in known)

    def fullness(self, subject: Subject, cached: Mapping[str, FillRate]) -> Fullness:
        """Return the rates, those taken here before the cached ones, and the values to show."""
        rates = {**cached, **self._rates.get(subject, {})}
        return Fullness(rates, self._values.get(subject, {}) if self.shown else {})


class InView(NamedTuple):
    """The fields that the user looks at: of which connection and object type, and their names."""

    ref: str
    object_type: str
    fields: tuple[str, ...]

    @property
    def subject(self) -> Subject:
        """What values are kept by."""
        return self.ref, self.object_type


class Sampler:
    """Looks into records when asked, and shows or hides what was found; held by a pane.

    `show` is called on the event loop whenever `samples` has something else to show. Values live
    as long as the sampler does.
    """

    def __init__(self, host: PaneHost, loader: Loader, show: Callable[[], object]) -> None:
        self.samples = Samples()
        self._host = host
        self._loader = loader
        self._show = show

    def toggle(self, view: InView) -> None:
        """Look into the fields in view that were not yet; with none left, show or hide."""
        missing = self.samples.missing(view.subject, view.fields)
        if not missing:
            self.samples.shown = not self.samples.shown
            self._show()
            return
        workspace = self._host.workspace
        self._loader.load(
            "samples",
            lambda _: workspace.schemas.sample(view.ref, view.object_type, missing),
            partial(self._took, view.subject, missing),
            label=f"looking into records of {display_text(view.object_type, 40)}",
        )

    def _took(self, subject: Subject, asked: Sequence[str], found: FieldSample) -> None:
        self.samples.take(subject, asked, found)
        self.samples.shown = True
        self._show()


def filled_text(rate: FillRate, now: datetime) -> str:
    """Return `82% of 200 records, 3 d ago`."""
    passed = ago(rate.measured_at, max(now, rate.measured_at))
    return f"{percent_filled(rate.rate)} of {count(rate.sampled, 'record')}, {passed}"


def values_text(values: Sequence[str]) -> str:
    """Return a few values on one safe line."""
    shown = [display_text(value, LONGEST) for value in values[:SHOWN]]
    return " · ".join(shown) if shown else "no values"
