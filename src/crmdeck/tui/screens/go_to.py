"""Go to anything (`^K`): gather the places, let the user choose one, and go there."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from textual.screen import Screen

from crmdeck.tui.dialogs.form import Asked, Form
from crmdeck.tui.dialogs.go_to import ACTION, RECENT, SETTING, GoTo, Line, Option
from crmdeck.tui.host import FlowHost, Location
from crmdeck.tui.keys.actions import Offer, is_shown, key_label, offers
from crmdeck.tui.loading.requests import Job
from crmdeck.workspace import (
    STANDARD,
    USUAL,
    PlaceKind,
    PlaceList,
    list_settings,
    set_setting,
)

if TYPE_CHECKING:
    from crmdeck.workspace import Place, SearchIndex, Setting, Workspace

Recent = dict[str, str]
"""A place where the user was: its pane, and what a `Location` names."""

ITSELF = "app.go_to"
MOST_RECENT = 8
HIDDEN = ("database", "notify")
"""Settings that are not to be changed at the keyboard of the console: they may hold a password."""

PANE_OF = {
    PlaceKind.PAIR: "mapping",
    PlaceKind.OBJECT: "schema",
    PlaceKind.FIELD: "schema",
    PlaceKind.CHANGE: "drift",
    PlaceKind.ALERT: "health",
}


class Known(NamedTuple):
    """What was read to choose from."""

    places: PlaceList
    settings: tuple[Setting, ...]
    first: str | None


class GoToAnything:
    """The list of places; keeps what was read until somebody writes to the workspace."""

    def __init__(self, host: FlowHost) -> None:
        self._host = host
        self._known: Known | None = None

    def open(self) -> None:
        """Show the list at once, and fill it when the places are read."""
        host = self._host
        options = [*actions_of(host.app.screen)]
        resting = [*self._recent(), *(one for one in options if not one.refused)]
        dialog = GoTo(resting, self._meaning, connections=len(host.statuses) > 1)
        workspace, known, first = host.workspace, self._known, host.connection_id

        def work(_job: Job) -> tuple[Known, tuple[Line, ...], SearchIndex[Line]]:
            read = read_known(workspace, known, first)
            index = cast("SearchIndex[Line]", read.places.index)
            joined = index.with_rows((*options, *settings_of(read, host.read_only)))
            return read, cast("tuple[Line, ...]", joined.rows), joined

        def took(answer: tuple[Known, tuple[Line, ...], SearchIndex[Line]]) -> None:
            self._known, lines, index = answer
            left_out = ", ".join(self._known.places.left_out)
            dialog.fill(lines, index, f"without the fields of {left_out}" if left_out else "")

        # The screen's own loader: what was begun is of use when the list is opened again.
        host.loader.load(
            "places",
            work,
            took,
            failed=lambda error: dialog.fail(str(error)),
            quiet=True,
        )
        host.app.push_screen(dialog, self._take)

    def _recent(self) -> Iterator[Option]:
        names = {status.id: status.name for status in self._host.statuses}
        for one in self._host.ui_state.recent:
            pane_id, connection = one.get("pane", ""), one.get("connection", "")
            if pane_id not in self._host.titles or connection not in names:
                continue
            parts = (one.get("pair"), one.get("object"), one.get("field"))
            yield Option(
                RECENT,
                ".".join(filter(None, parts)),
                "",
                self._host.titles[pane_id],
                one,
                tuple(sorted(one.items())),
                connection=names[connection],
            )

    def _meaning(self, line: Line) -> str:
        if isinstance(line, Option):
            if line.refused:
                return line.refused
            if line.kind == ACTION:
                return f"Enter does it: {line.detail}"
            return (
                "Enter changes it" if line.kind == SETTING else f"Enter opens {line.detail} there"
            )
        if line.kind is PlaceKind.CONNECTION:
            return "Enter shows it here"
        title = self._host.titles.get(PANE_OF[line.kind])
        told = f"Enter opens it in {title}" if title else "It has no pane here"
        return f"{told}   {line.detail}"

    async def _take(self, line: Line | None) -> None:
        match line:
            case None:
                return
            case Option(kind="action"):
                # What was refused may be possible by now; the action itself says why not.
                offer: Offer = line.goal
                if is_shown(offer.host):
                    await self._host.app.run_action(offer.action.command, offer.host)
            case Option(kind="setting"):
                self._change(line)
            case Option():
                named = {name: text for name, text in line.goal.items() if name != "pane"}
                self._host.go_to(line.goal["pane"], Location(**named))
            case _ if line.kind is PlaceKind.CONNECTION:
                self._host.show_connection(line.connection_id)
            case _ if PANE_OF[line.kind] in self._host.titles:
                self._host.go_to(PANE_OF[line.kind], location_of(line))

    def _change(self, line: Option) -> None:
        if line.refused:
            self._host.say(line.refused)
            return
        setting: Setting = line.goal
        if setting.key == "theme":
            self._host.app.action_change_theme()
            return
        home = str(self._host.workspace.home)

        def work(_job: Job, answers: dict[str, str]) -> Setting:
            return set_setting(setting.key, answers["value"].strip(), home)

        def changed(answer: Setting | None) -> None:
            self._known = None
            if answer is not None:
                now = _shown(answer.value)
                self._host.say(f"{answer.key} is {now}; it takes effect at the next start.")

        form: Form[Setting] = Form(
            f"Setting {setting.key}",
            [Asked("value", "Value", value=_shown(setting.value), required=False)],
            work,
            text=f"The default is {_shown(setting.default) or 'nothing'}; leave it empty to go "
            "back to it.",
            label="writing",
        )
        self._host.app.push_screen(form, changed)


def read_known(workspace: Workspace, known: Known | None, first: str | None) -> Known:
    """Return places and settings; those `known` where nobody has written since. For a worker."""
    settings = tuple(one for one in list_settings(str(workspace.home)) if one.key not in HIDDEN)
    if known is not None and first != known.first and known.places.left_out:
        known = None  # Others would be left out.
    if known is None or workspace.head() != known.places.head:
        return Known(workspace.places.all(first), settings, first)
    return known._replace(settings=settings)


def location_of(place: Place) -> Location:
    """Return where in its pane a place is."""
    connection = place.connection_id
    match place.kind:
        case PlaceKind.PAIR:
            return Location(connection, pair=place.name)
        case PlaceKind.OBJECT:
            return Location(connection, object=place.name)
        case PlaceKind.FIELD:
            return Location(connection, object=place.within, field=place.name)
        case PlaceKind.CHANGE:
            # Whatever is filtered there, the change is to be on screen.
            return Location(connection, event=place.id, filter="")
        case PlaceKind.ALERT:
            return Location(connection, alert=place.id, filter="")
    return Location(connection)


def remembered(
    recent: Sequence[Recent], pane_id: str, location: Location, chosen: str | None
) -> list[Recent]:
    """Return the recent places with this one on top, unless it is no more than a pane.

    It is of the `chosen` connection where it names none.
    """
    named = {name: getattr(location, name) for name in ("object", "field", "pair")}
    if chosen is None or not (location.object or location.pair):
        return list(recent)
    place = {"pane": pane_id, "connection": location.connection or chosen}
    place |= {name: text for name, text in named.items() if text}
    return [place, *(one for one in recent if one != place)][:MOST_RECENT]


def actions_of(screen: Screen[Any]) -> Iterator[Option]:
    """Yield what keys do on `screen`, also what they can't do just now."""
    for offer in offers(screen, refused=True):
        action = offer.action
        if not action.palette or action.id == ITSELF:
            continue
        keys = " ".join(map(key_label, offer.keys))
        yield Option(
            ACTION,
            action.title,
            action.group,
            f"{keys}  {action.sentence}",
            offer,
            action.id,
            STANDARD if offer.refused else USUAL,
            offer.refused,
        )


def settings_of(known: Known, read_only: bool) -> Iterator[Option]:
    """Yield the settings."""
    refused = "This workspace is open read-only: no setting can be changed." if read_only else ""
    for one in known.settings:
        source = "as it comes" if one.source == "default" else "set"
        told = f"{_shown(one.value) or 'nothing'}, {source}"
        refusal = "" if one.key == "theme" else refused
        yield Option(SETTING, one.key, "", told, one, f"setting {one.key}", STANDARD, refusal)


def _shown(value: object) -> str:
    return value if isinstance(value, str) else "" if value is None else json.dumps(value)
