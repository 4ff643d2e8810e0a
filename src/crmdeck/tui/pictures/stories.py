"""What the pictures of the console tell: which keys are pressed, and what is drawn then.

Actions are named by their ids, so that a story goes on when a key is another one.
"""

from __future__ import annotations

from dataclasses import dataclass

from crmdeck.tui.themes import DARK, LIGHT

WIDE = (120, 36)
NARROW = (80, 24)


@dataclass(frozen=True)
class Step:
    """One thing that somebody does.

    `run` names an action whose key is pressed, `press` keys by their names in Textual, `type` a
    text. `caption`, from here on, says what it is about; `seconds` is how long an animation holds
    what comes of it.
    """

    run: str = ""
    press: tuple[str, ...] = ()
    type: str = ""
    caption: str = ""
    seconds: float = 1.0


@dataclass(frozen=True)
class Story:
    """A picture: from which connection one starts, what is done, and how it is drawn.

    One that is `played` is an animation of its steps, others are drawn at their end.
    """

    name: str
    title: str
    steps: tuple[Step, ...]
    connection: str = "acme-prod"
    size: tuple[int, int] = WIDE
    theme: str = DARK
    played: bool = False


def _pane(key: str) -> tuple[Step, ...]:
    return (Step(press=(key,)),)


STORIES = (
    Story("health", "Health: how each connection is doing", _pane("1")),
    Story("schema", "Schema: every object and field", _pane("2")),
    Story("drift", "Drift: what changed, what breaks first", _pane("3")),
    Story("mapping", "Mapping: a CRM field for each PartnerOS field", _pane("4")),
    Story("audit", "Audit: who did what when", _pane("5")),
    Story(
        "morning-check",
        "The morning check: what is wrong, why, and what to do about it",
        (Step(press=("1",)), Step(run="health.next_step")),
        connection="acme-emea",
    ),
    Story(
        "broken-mapping",
        "The change that broke a mapping is a rename: its mapping moves along",
        (Step(press=("3", "down")), Step(run="drift.rename")),
    ),
    Story(
        "decided",
        "A mapping decided, line by line and in groups",
        (
            Step(press=("4",)),
            Step(run="mapping.accept_all"),
            Step(run="sure.yes"),
            *2 * (Step(run="mapping.unmap"),),
            *3 * (Step(run="mapping.accept"),),
            *5 * (Step(run="mapping.unmap"),),
        ),
    ),
    Story(
        "compared",
        "Two orgs compared",
        (
            Step(press=("2",)),
            Step(run="schema.compare"),
            Step(type="emea"),
            *2 * (Step(run="choose.take"),),
        ),
    ),
    Story("narrow", "Drift in a window of 80 columns", _pane("3"), size=NARROW),
    Story("light", "Mapping in the light theme", _pane("4"), theme=LIGHT),
    Story(
        "session",
        "A morning with crmdeck: health, a change that broke a mapping, a mapping decided",
        (
            Step(press=("1",), caption="The morning check: what waits, and for whom?", seconds=4),
            Step(run="health.next_step", caption="Something changed: what, who, what breaks?",
                 seconds=4),
            Step(press=("down",), seconds=3),
            Step(run="drift.rename", caption="It was a rename: the mapping moves along", seconds=3),
            Step(run="confirm.yes", seconds=3),
            Step(press=("4",), caption="A mapping: what is sure, what is not, and why", seconds=4),
            Step(run="mapping.accept_all", caption="The sure ones at once...", seconds=3),
            Step(run="sure.yes", seconds=2),
            *2 * (Step(run="mapping.unmap", caption="...what can't flow left out..."),),
            *3 * (Step(run="mapping.accept", caption="...the rest line by line"),),
            Step(run="edit.undo", caption="A step undone, and done again", seconds=2),
            Step(run="edit.redo", seconds=4),
        ),
        played=True,
    ),
)  # fmt: skip
"""In the order in which they are drawn."""
