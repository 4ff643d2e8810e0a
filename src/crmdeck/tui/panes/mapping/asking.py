"""What the operator is asked: which field, which values, how sure."""

from __future__ import annotations

from functools import partial

from crmdeck.errors import CrmdeckError
from crmdeck.model import DecisionState, ValueMap
from crmdeck.tui.dialogs.accept_all import AcceptAll, Sure
from crmdeck.tui.dialogs.choose_field import ChooseField
from crmdeck.tui.dialogs.value_map import EditValueMap
from crmdeck.tui.panes.mapping.deciding import DecidingPane
from crmdeck.tui.panes.mapping.offering import field_notes
from crmdeck.tui.requests import Job
from crmdeck.workspace import (
    MappingRow,
    MappingSession,
    accepting,
    choosing,
    field_choices,
    value_choices,
    value_targets,
)


class AskingPane(DecidingPane):
    """The dialogs of the mapping pane."""

    def action_accept_all(self) -> None:
        """Accept all undecided lines shown that are sure enough."""
        shown = [
            line
            for line in self.lines.shown()
            if line.is_open and line.crm_field is not None and line.confidence is not None
        ]
        if not shown:
            self.say("There is no undecided line with a suggestion.")
            return

        def answered(least: float | None) -> None:
            if least is None or self.sitting is None:
                return
            now = self.sitting.by_name
            # What changed under the dialog is left alone: nobody has seen it.
            sure = [
                line
                for line in shown
                if (line.confidence or 0) >= least
                and now[line.name].is_open
                and now[line.name].crm_field == line.crm_field
            ]
            if sure:
                self.decide("accept", sure, [accepting(line) for line in sure])

        able = [Sure(line.confidence or 0, line.trouble.rank > 0) for line in shown]
        self.app.push_screen(AcceptAll(able), answered)

    def choose_field(self) -> None:
        """Choose the CRM field of the line from the alternatives, or from all there are."""
        line, sitting = self.line, self.sitting
        if line is None or sitting is None or self.workspace.read_only:
            return

        def chosen(crm_field: str | None) -> None:
            if crm_field is not None and sitting is self.sitting:
                self._choose(sitting, sitting.by_name[line.name], crm_field)

        dialog = ChooseField(
            f"{line.title} becomes",
            field_choices(line, sitting.rows, sitting.builder),
            current=line.crm_field,
            notes=partial(field_notes, line, sitting.builder, self.workspace.now),
        )
        self.app.push_screen(dialog, chosen)

    def _choose(self, sitting: MappingSession, line: MappingRow, crm_field: str) -> None:
        if line.state is DecisionState.ACCEPTED and line.crm_field == crm_field:
            self.say("Accepted already.")
            return
        if crm_field not in sitting.builder.crm_fields:
            self.say(f"{crm_field} has left the schema meanwhile.", True)
            return
        self.decide("choose", [line], [choosing(line, crm_field, sitting.builder)])

    def action_values(self) -> None:
        """Edit which CRM value each PartnerOS value becomes."""
        line, sitting = self.line, self.sitting
        if line is None or sitting is None or line.crm_field is None:
            return
        workspace, crm_field = self.workspace, line.crm_field

        def edited(value_map: dict[str, str] | None) -> None:
            if value_map is not None and sitting is self.sitting:
                self.decide("value map", [line], [accepting(line, value_map=value_map)])

        def work(_: Job) -> ValueMap:
            return workspace.mappings.value_map(sitting.ref, sitting.pair, line.name, crm_field)

        def took(suggested: ValueMap) -> None:
            own = value_choices(line, suggested, None)
            dialog.fill(value_choices(line, suggested, line.value_map), own)

        def failed(error: CrmdeckError) -> None:
            dialog.dismiss(None)
            self.show_error(error)

        accepted = line.state is DecisionState.ACCEPTED
        dialog = EditValueMap(
            f"{line.title} → {line.crm_field}",
            value_targets(line),
            text="" if accepted else "Saving the values accepts the pair.",
        )
        # Open before it is filled: a key pressed meanwhile must not be taken for a decision.
        self.app.push_screen(dialog, edited)
        self.load("values", work, took, label="matching values", failed=failed)
