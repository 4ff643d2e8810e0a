"""Go to anything (`^K`): load the places, show the list, and open the chosen one."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from textual.screen import Screen

from crmdeck.tui.dialogs.form import Asked, Form
from crmdeck.tui.dialogs.go_to import ACTION, RECENT, SETTING, GoTo, GoToRow, Option
from crmdeck.tui.host import Host, Location
from crmdeck.tui.keys.actions import Offer, is_shown, key_label, offers
from crmdeck.tui.loading.requests import Job
from crmdeck.tui.marks import health_of, open_mark
from crmdeck.workspace import (
    STANDARD,
    USUAL,
    GoToTarget,
    PlaceKind,
    PlaceList,
    Setting,
    list_settings,
    set_setting,
)

if TYPE_CHECKING:
    from crmdeck.workspace import SearchIndex

Recent = dict[str, str]
"""A recent place: its pane, and the names that a `Location` has."""

ITSELF = "app.go_to"
MOST_RECENT = 8
HIDDEN = ("database", "notify", "command")
"""Settings that the console never shows: they can contain a password."""

HEALTH_ORDER = ("error", "warn", "ok", "muted")
PANE_OF = {
    PlaceKind.MAPPING: "mapping",
    PlaceKind.PAIR: "mapping",
    PlaceKind.OBJECT: "schema",
    PlaceKind.FIELD: "schema",
    PlaceKind.CHANGE: "drift",
    PlaceKind.FINDING: "health",
}


class Known(NamedTuple):
    """The loaded places and settings."""

    places: PlaceList
    settings: tuple[Setting, ...]
    first: str | None


class GoToAnything:
    """Opens the list. It keeps the places until someone changes the workspace."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._known: Known | None = None

    def open(self) -> None:
        """Show the list immediately, and fill it when the places are loaded."""
        host = self._host
        # Before the dialog opens: on top of the stack it has other actions.
        options = [*actions_of(host.app.screen)]
        dialog = GoTo(self._resting(()), self._meaning, connections=len(host.statuses) > 1)
        workspace, known, first = host.workspace, self._known, host.connection_id

        def work(_job: Job) -> tuple[Known, tuple[GoToRow, ...], SearchIndex[GoToRow]]:
            settings = tuple(
                one for one in list_settings(str(workspace.home)) if one.key not in HIDDEN
            )
            # Another first connection means that others are left out of the places.
            is_old = known is not None and bool(known.places.left_out) and first != known.first
            if known is None or is_old or workspace.head() != known.places.head:
                read = Known(workspace.places.all(first), settings, first)
            else:
                read = known._replace(settings=settings)
            index = cast("SearchIndex[GoToRow]", read.places.index)
            joined = index.with_rows((*options, *settings_of(read, workspace.read_only)))
            return read, cast("tuple[GoToRow, ...]", joined.rows), joined

        def took(answer: tuple[Known, tuple[GoToRow, ...], SearchIndex[GoToRow]]) -> None:
            self._known, lines, index = answer
            left_out = ", ".join(self._known.places.left_out)
            dialog.fill(
                lines,
                index,
                f"fields of {left_out} are left out" if left_out else "",
                resting=self._resting(self._known.places.rows),
            )

        # The screen's own loader: places loaded too late are used when the list opens again.
        host.loader.load(
            "places",
            work,
            took,
            failed=lambda error: dialog.fail(str(error)),
            quiet=True,
        )
        host.app.push_screen(dialog, self._take)

    def _resting(self, places: Sequence[GoToTarget]) -> list[GoToRow]:
        """Return the places shown before the user types: open work and recent places."""
        broken = [one for one in places if one.kind is PlaceKind.MAPPING]
        pairs = [one for one in places if one.kind is PlaceKind.PAIR]
        return [*self._connections(), *broken, *self._recent(), *pairs]

    def _connections(self) -> Iterator[GoToTarget]:
        """Yield the connections, the worst state first."""
        healths = [(health_of(status), status) for status in self._host.statuses]
        for health, status in sorted(
            healths, key=lambda one: (HEALTH_ORDER.index(one[0].state), -one[1].open_changes.count)
        ):
            mark, _ = open_mark(status.open_changes)
            detail = f"{health}, {mark} open" if mark else str(health)
            yield GoToTarget(PlaceKind.CONNECTION, status.id, "", status.name, "", detail)

    def _recent(self) -> Iterator[Option]:
        names = {status.id: status.name for status in self._host.statuses}
        for one in self._host.ui_state.recent:
            pane_id, connection = one.get("pane", ""), one.get("connection", "")
            if pane_id not in self._host.titles or connection not in names:
                continue
            pair, object_type, field = (one.get(part) for part in ("pair", "object", "field"))
            yield Option(
                RECENT,
                ".".join(filter(None, (pair, object_type, field))),
                "",
                self._host.titles[pane_id],
                (
                    pane_id,
                    Location(connection, one.get("object"), one.get("field"), one.get("pair")),
                ),
                tuple(sorted(one.items())),
                connection=names[connection],
            )

    def _meaning(self, line: GoToRow) -> str:
        if isinstance(line, Option):
            if line.refused:
                return line.refused
            if line.kind == ACTION:
                return f"Enter runs it: {line.detail}"
            return (
                "Enter changes it" if line.kind == SETTING else f"Enter opens it in {line.detail}"
            )
        if line.kind is PlaceKind.CONNECTION:
            return "Enter switches to it"
        title = self._host.titles.get(PANE_OF[line.kind])
        meaning = f"Enter opens it in {title}" if title else "No pane shows it"
        return f"{meaning}   {line.detail}"

    async def _take(self, line: GoToRow | None) -> None:
        match line:
            case None:
                return
            case Option(goal=Offer() as offer):
                # A rejected action may be possible by now. If not, it explains why.
                if is_shown(offer.host):
                    await self._host.app.run_action(offer.action.command, offer.host)
            case Option(goal=Setting() as setting):
                self._change(setting, line.refused)
            case Option(goal=(pane_id, place)):
                self._host.go_to(pane_id, place)
            case GoToTarget() if line.kind is PlaceKind.CONNECTION:
                self._host.show_connection(line.connection_id)
            case GoToTarget() if PANE_OF[line.kind] in self._host.titles:
                self._host.go_to(PANE_OF[line.kind], location_of(line))

    def _change(self, setting: Setting, refused: str) -> None:
        if refused:
            self._host.say(refused)
            return
        if setting.key == "theme":
            self._host.app.action_change_theme()
            return
        home = str(self._host.workspace.home)

        def work(_job: Job, answers: dict[str, str]) -> Setting:
            return set_setting(setting.key, answers["value"].strip(), home)

        def changed(answer: Setting | None) -> None:
            # The places that are kept have the old value of the setting.
            self._known = None
            if answer is not None:
                now = _shown(answer.value)
                self._host.say(f"{answer.key} is {now} from the next start on.")

        form: Form[Setting] = Form(
            f"Setting {setting.key}",
            [Asked("value", "Value", value=_shown(setting.value), required=False)],
            work,
            text=f"Default: {_shown(setting.default) or 'none'}. Leave it empty for the default.",
            label="Saving",
        )
        self._host.app.push_screen(form, changed)


def location_of(place: GoToTarget) -> Location:
    """Return the location of a place in its pane."""
    connection = place.connection_id
    match place.kind:
        case PlaceKind.MAPPING:
            return Location(connection, pair=place.within, field=place.id)
        case PlaceKind.PAIR:
            return Location(connection, pair=place.name)
        case PlaceKind.OBJECT:
            return Location(connection, object=place.name)
        case PlaceKind.FIELD:
            return Location(connection, object=place.within, field=place.name)
        case PlaceKind.CHANGE:
            # Clear the filter, so that the change shows.
            return Location(connection, event=place.id, filter="")
        case PlaceKind.FINDING:
            return Location(connection, finding=place.id, filter="")
    return Location(connection)


def remembered(
    recent: Sequence[Recent], pane_id: str, location: Location, chosen: str | None
) -> list[Recent]:
    """Return the recent places with this one first, unless it names only a pane.

    A location without a connection belongs to the `chosen` one.
    """
    named = {name: getattr(location, name) for name in ("object", "field", "pair")}
    if chosen is None or not (location.object or location.pair):
        return list(recent)
    place = {"pane": pane_id, "connection": location.connection or chosen}
    place |= {name: text for name, text in named.items() if text}
    return [place, *(one for one in recent if one != place)][:MOST_RECENT]


def actions_of(screen: Screen[Any]) -> Iterator[Option]:
    """Yield the actions on `screen`, including those that can't run now."""
    for offer in offers(screen, refused=True):
        action = offer.action
        if not action.palette or action.id == ITSELF:
            continue
        keys = " ".join(map(key_label, offer.keys))
        yield Option(
            ACTION,
            action.title,
            action.group,
            f"{keys}  {action.sentence}".strip(),
            offer,
            action.id,
            STANDARD if offer.refused else USUAL,
            offer.refused,
        )


def settings_of(known: Known, read_only: bool) -> Iterator[Option]:
    refused = "This workspace is read-only. Settings can't be changed." if read_only else ""
    for one in known.settings:
        source = "default" if one.source == "default" else "set"
        detail = f"{_shown(one.value) or 'none'}, {source}"
        refusal = "" if one.key == "theme" else refused
        yield Option(SETTING, one.key, "", detail, one, f"setting {one.key}", STANDARD, refusal)


def _shown(value: object) -> str:
    return value if isinstance(value, str) else "" if value is None else json.dumps(value)
