"""A pane that looks into records when asked: what its fields hold, until asked again."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from crmdeck.tui.host import PaneHost
from crmdeck.tui.panes.pane import Pane
from crmdeck.tui.samples import Samples, Subject
from crmdeck.tui.text import display_text

if TYPE_CHECKING:
    from crmdeck.workspace import FieldSample

SAMPLES_HELP = "how full the fields in view are and what they hold, from a few records; again hides"


class InView(NamedTuple):
    """The fields that the user looks at: of which connection and object type, and their names."""

    ref: str
    object_type: str
    fields: tuple[str, ...]

    @property
    def subject(self) -> Subject:
        """What values are kept by."""
        return self.ref, self.object_type


class SamplingPane(Pane):
    """Shows and hides what fields hold; the values live as long as the pane does."""

    def __init__(self, host: PaneHost, *, id: str | None = None) -> None:
        super().__init__(host, id=id)
        self.samples = Samples()

    def fields_in_view(self) -> InView | None:
        """Return the fields to look into; None where there are none."""
        raise NotImplementedError

    def show_samples(self) -> None:
        """Show what `samples` holds now."""
        raise NotImplementedError

    def action_samples(self) -> None:
        """Look into records and show what the fields in view hold, or hide it again."""
        view = self.fields_in_view()
        if view is None:
            return
        missing = self.samples.missing(view.subject, view.fields)
        if not missing:
            self.samples.shown = not self.samples.shown
            self.show_samples()
            return
        workspace = self.workspace
        self.load(
            "samples",
            lambda _: workspace.schemas.sample(view.ref, view.object_type, missing),
            partial(self._took_sample, view.subject, missing),
            label=f"looking into records of {display_text(view.object_type, 40)}",
        )

    def _took_sample(self, subject: Subject, asked: Sequence[str], found: FieldSample) -> None:
        self.show_error(None)
        self.samples.take(subject, asked, found)
        self.samples.shown = True
        self.show_samples()
