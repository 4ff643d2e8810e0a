"""The console's own two themes, and the names under which a user asks for one."""

from __future__ import annotations

from collections.abc import Mapping

from textual.color import Color
from textual.theme import Theme

DARK = "crmdeck-dark"
LIGHT = "crmdeck-light"
TERMINAL = "terminal"

THEMES = (
    Theme(
        name=DARK,
        primary="#6cb2ee",
        secondary="#8fa3bf",
        accent="#c5a1f2",
        success="#7fc98a",
        warning="#e5b75f",
        error="#f07c82",
        foreground="#d3dae4",
        background="#12161c",
        surface="#171c24",
        panel="#202732",
        boost="#262e3b",
        dark=True,
        variables={
            "border": "#39475a",
            "border-blurred": "#2b3542",
            "scrollbar": "#2f3947",
            "scrollbar-background": "#12161c",
            "scrollbar-corner-color": "#12161c",
            "input-selection-background": "#6cb2ee 30%",
        },
    ),
    Theme(
        name=LIGHT,
        primary="#1d63b0",
        secondary="#586a82",
        accent="#7a40b4",
        success="#23753a",
        warning="#8d5a00",
        error="#b32438",
        foreground="#20262e",
        background="#fcfcfa",
        surface="#f4f4f0",
        panel="#e9e9e4",
        boost="#e0e0da",
        dark=False,
        variables={
            "border": "#b9bfc8",
            "border-blurred": "#d5d8dc",
            "scrollbar": "#c9ced6",
            "scrollbar-background": "#fcfcfa",
            "scrollbar-corner-color": "#fcfcfa",
            "input-selection-background": "#1d63b0 25%",
        },
    ),
)

MUTED_SHARE = 0.62
"""How much of the text colour is in muted text; the rest is background."""


def roles(theme: Theme, variables: Mapping[str, str]) -> dict[str, str]:
    """Return the colours of crmdeck's own roles in any theme: `$muted`, `$good`, `$warn`...

    Textual's `$text-muted` has no colour of its own outside a style sheet, and its tinted
    texts are too pale to tell states apart in our themes.
    """
    if theme.ansi:
        muted = "ansi_default"
    else:
        ground = Color.parse(variables["background"])
        muted = ground.blend(Color.parse(variables["foreground"]), MUTED_SHARE).hex
    own = theme.name in (DARK, LIGHT)
    named = {"good": "success", "warn": "warning", "bad": "error", "mark": "accent"}
    colours = {
        role: variables[name if own or theme.ansi else f"text-{name}"]
        for role, name in {**named, "info": "primary"}.items()
    }
    return {"muted": muted, **colours}


_ALIASES = {TERMINAL: "ansi-dark", "dark": DARK, "light": LIGHT}


def theme_name(wanted: str | None, available: set[str]) -> str:
    """Return the theme to use: `wanted` (aliases count) where there is one, else our dark."""
    name = _ALIASES.get(wanted or "", wanted or DARK)
    return name if name in available else DARK
