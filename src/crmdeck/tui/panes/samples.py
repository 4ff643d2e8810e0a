"""Fill rates and sample values of fields; the values are kept for this session only."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

from crmdeck.model import FillRate
from crmdeck.text import ago, count
from crmdeck.text import percent_filled as percent_filled
from crmdeck.tui.host import Host
from crmdeck.tui.loading.requests import Loader
from crmdeck.tui.text import display_text

if TYPE_CHECKING:
    from crmdeck.workspace import FieldSample

SAMPLES_HELP = "Show or hide fill rates and sample values."

SHOWN = 5
"""Most values of a field that are shown."""

LONGEST = 40

Subject = tuple[str, str]
"""A connection and an object type."""


@dataclass(frozen=True)
class Fullness:
    """Fill rates of the fields of an object type, by name, and the sample values to show.

    Values aren't in `repr`: only the user who asked for them may see them.
    """

    rates: Mapping[str, FillRate] = field(default_factory=dict)
    values: Mapping[str, tuple[str, ...]] = field(default_factory=dict, repr=False)


class InView(NamedTuple):
    """The fields in view, with their connection and object type."""

    ref: str
    object_type: str
    fields: tuple[str, ...]


class Sampler:
    """Reads sample records for a pane, and shows or hides the samples. They are never stored.

    `show` is called on the event loop when there are other samples to show.
    """

    def __init__(self, host: Host, loader: Loader, show: Callable[[], object]) -> None:
        self._host = host
        self._loader = loader
        self._show = show
        self._is_shown = False
        self._rates: dict[Subject, dict[str, FillRate]] = {}
        self._values: dict[Subject, dict[str, tuple[str, ...]]] = {}

    def fullness(self, subject: Subject, cached: Mapping[str, FillRate]) -> Fullness:
        """Return the rates, from samples rather than from the cache, and the values to show."""
        rates = {**cached, **self._rates.get(subject, {})}
        return Fullness(rates, self._values.get(subject, {}) if self._is_shown else {})

    def toggle(self, view: InView) -> None:
        """Read samples of the fields in view; if all have some, show or hide them."""
        workspace, subject = self._host.workspace, view[:2]
        known = self._values.setdefault(subject, {})
        missing = tuple(name for name in view.fields if name not in known)
        if not missing:
            self._is_shown = not self._is_shown
            self._show()
            return

        def on_loaded(found: FieldSample) -> None:
            self._rates.setdefault(subject, {}).update(found.rates)
            # Also those without a value, so that they aren't read again.
            known.update({name: tuple(found.values.get(name, ())) for name in missing})
            self._is_shown = True
            self._show()

        self._loader.load(
            "samples",
            lambda _: workspace.schemas.sample(view.ref, view.object_type, missing),
            on_loaded,
            label=f"reading sample records of {display_text(view.object_type, 40)}",
        )


def filled_text(rate: FillRate, now: datetime) -> str:
    """Return `82% of 200 records, 3 days ago`."""
    # A sample that was just read is newer than the schema on screen, and its `now`.
    passed = ago(rate.measured_at, max(now, rate.measured_at))
    return f"{percent_filled(rate.rate)} of {count(rate.sampled, 'record')}, {passed}"


def values_text(values: Sequence[str]) -> str:
    """Return a few values as one safe line."""
    shown = [display_text(value, LONGEST) for value in values[:SHOWN]]
    return " · ".join(shown) if shown else "no values"
