"""The scenes that the screenshots show: the keys to press before each is drawn.

They name actions by id, so that they survive a changed key.
"""

from __future__ import annotations

from dataclasses import dataclass

from crmdeck.tui.themes import DARK, LIGHT

WIDE = (120, 36)
NARROW = (80, 24)
DEALS_FILE = "{deals}"
"""Typed as the path of a file with `DEALS`."""
DEALS = """\
accountName,accountDomain,contactEmail,estimatedValue,expectedCloseDate
Northwind Freight,northwind.example,ana@northwind.example,48000,2026-12-18
Brightwater Energy,,ben@brightwater.example,12500.505,2026-11-30
Cobalt Analytics and Decision Support Holding Company of the Upper Rhine and Lake Region,\
cobalt.example,li@cobalt.example,7000,2026-12-01
Delta Harbor Bank,delta.example,dara@delta.example,"1,5",31/12/2026
Evergreen Clinics,evergreen.example,eva@evergreen.example,,2026-12-04
"""
TO_LOCKED = ("n",) * 10
"""From the first row to those that can't sync: past rows that fail, and a value map."""


@dataclass(frozen=True)
class SceneStep:
    """One step of the user.

    `run` is the id of an action, `press` are keys by their Textual names, `type` is text. `caption`
    applies from this step on. An animation shows the result for `seconds`.
    """

    run: str = ""
    press: tuple[str, ...] = ()
    type: str = ""
    caption: str = ""
    seconds: float = 1.0


@dataclass(frozen=True)
class Scene:
    """A screenshot: the connection it starts with, its steps, its size and theme.

    If it is `played`, it is an animation of its steps, else a still of the last one.
    """

    name: str
    title: str
    steps: tuple[SceneStep, ...]
    connection: str = "acme-prod"
    size: tuple[int, int] = WIDE
    theme: str = DARK
    played: bool = False


def _pane(key: str) -> tuple[SceneStep, ...]:
    return (SceneStep(press=(key,)),)


SCENES = (
    Scene("health", "Health: what to do today, and the state of each connection", _pane("1")),
    Scene("schema", "Schema: every object and field", _pane("2")),
    Scene("drift", "Drift: changes, breaking ones first", _pane("3")),
    Scene("mapping", "Mapping: a CRM field for each PartnerOS field", _pane("4")),
    Scene("audit", "Audit: who did what, and when", _pane("5")),
    Scene(
        "morning-check",
        "The morning check: what failed, why, and the next step",
        (SceneStep(press=("1",)), SceneStep(run="health.next_step")),
        connection="acme-emea",
    ),
    Scene(
        "broken-mapping",
        "A rename broke a mapping: move the mapping to the new name",
        (SceneStep(press=("3", "down")), SceneStep(run="drift.repair")),
    ),
    Scene(
        "decided",
        "A mapping decided, row by row and in groups",
        (
            SceneStep(press=("4",)),
            SceneStep(run="mapping.accept_all"),
            SceneStep(run="preview.take"),
            SceneStep(press=TO_LOCKED),
            *3 * (SceneStep(run="mapping.unmap"),),
            *2 * (SceneStep(run="mapping.accept"),),
            *5 * (SceneStep(run="mapping.unmap"),),
        ),
    ),
    Scene(
        "preflight",
        "Preflight: which records the CRM will reject, and why",
        (
            # Move the renamed mapping, and mark two required fields as filled elsewhere.
            SceneStep(press=("3", "down")),
            SceneStep(run="drift.repair"),
            SceneStep(press=("m", "4")),
            *2 * (SceneStep(run="mapping.unmap"),),
            SceneStep(run="mapping.preflight"),
            SceneStep(press=("c",)),
            SceneStep(type=DEALS_FILE),
            SceneStep(run="form.take"),
        ),
    ),
    Scene(
        "compared",
        "Compare two orgs",
        (
            SceneStep(press=("2",)),
            SceneStep(run="schema.compare"),
            SceneStep(type="emea"),
            *2 * (SceneStep(run="choose.take"),),
        ),
    ),
    Scene("narrow", "Drift in an 80-column window", _pane("3"), size=NARROW),
    Scene("light", "Mapping in the light theme", _pane("4"), theme=LIGHT),
    Scene(
        "session",
        "A morning with crmdeck: Health, a change that broke a mapping, a mapping decided",
        (
            SceneStep(press=("1",), caption="The morning check: what is next?", seconds=4),
            SceneStep(press=("3",), caption="A field changed: who did it?", seconds=4),
            SceneStep(press=("down",), seconds=3),
            SceneStep(run="drift.repair", caption="Renamed: move its mapping", seconds=3),
            SceneStep(press=("m",), seconds=3),
            SceneStep(press=("4",), caption="A mapping: suggestions and why", seconds=4),
            SceneStep(run="mapping.accept_all", caption="Accept the high matches...", seconds=3),
            SceneStep(run="preview.take", seconds=3),
            SceneStep(press=TO_LOCKED),
            *3 * (SceneStep(run="mapping.unmap", caption="...leave unmapped what can't sync..."),),
            *2 * (SceneStep(run="mapping.accept", caption="...and accept the rest row by row"),),
            SceneStep(run="edit.undo", caption="Undo a step, and redo it", seconds=2),
            SceneStep(run="edit.redo", seconds=4),
        ),
        played=True,
    ),
)  # fmt: skip
"""In drawing order."""
