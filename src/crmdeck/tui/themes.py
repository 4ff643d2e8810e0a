"""The two themes of the console, and the names of all themes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from textual.color import Color
from textual.theme import Theme

DARK = "crmdeck-dark"
LIGHT = "crmdeck-light"
TERMINAL, TERMINAL_LIGHT = "terminal", "terminal-light"

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
"""Share of the text color in muted text; the rest is the background."""


def roles(theme: Theme, variables: Mapping[str, str]) -> dict[str, str]:
    """Return the colors of crmdeck's roles in any theme: `$muted`, `$good`, `$warn` and so on.

    Textual's `$text-muted` has no fixed color outside a style sheet. In our themes its tinted
    texts are too pale to distinguish states.
    """
    if theme.ansi:
        return {"muted": "ansi_default", **(ANSI_DARK if theme.dark else ANSI_LIGHT)}
    own = theme.name in (DARK, LIGHT)
    ground, text = Color.parse(variables["background"]), Color.parse(variables["foreground"])
    found = {"muted": ground.blend(text, MUTED_SHARE)}
    for role, name in _NAMED.items():
        wanted = variables[name if own else f"text-{name}"]
        found[role] = Color.parse(variables[name] if wanted.startswith("auto") else wanted)
    least = OWN_CONTRAST if own else LEAST_CONTRAST
    grounds = _grounds(variables)
    shown = {role: legible(color, grounds, least, dark=theme.dark) for role, color in found.items()}
    for edge in ("border", "scrollbar"):
        color = Color.parse(variables[edge])
        shown[edge] = legible(color, grounds[:2], LEAST_CONTRAST, dark=theme.dark)
    return {role: color.hex for role, color in shown.items()}


_NAMED = {
    "good": "success",
    "warn": "warning",
    "bad": "error",
    "mark": "accent",
    "info": "primary",
}
ANSI_DARK = {
    "good": "ansi_green",
    "warn": "ansi_yellow",
    "bad": "ansi_bright_red",
    "mark": "ansi_cyan",
    "info": "ansi_cyan",
}
ANSI_LIGHT = {
    "good": "ansi_blue",
    "warn": "ansi_magenta",
    "bad": "ansi_red",
    "mark": "ansi_magenta",
    "info": "ansi_blue",
}
"""The terminal colors that are legible in the default palettes of terminals.

Blue and magenta aren't legible on a dark ground; green, yellow and cyan aren't on a light one.
"""

OWN_CONTRAST, LEAST_CONTRAST = 4.5, 3.0
"""Least contrast of a text on every background of a row, in our themes and in others.

The second one is that of frames and scroll bars, too.
"""


def _grounds(variables: Mapping[str, str]) -> tuple[Color, ...]:
    """Return the backgrounds of rows, as in the style sheet: plain, title, cursor and mark."""
    background, surface, panel, primary, warning = (
        Color.parse(variables[name])
        for name in ("background", "surface", "panel", "primary", "warning")
    )
    return (
        background,
        surface,
        panel,
        background.blend(primary, 0.25),
        background.blend(warning, 0.12),
    )


def contrast(one: Color, other: Color) -> float:
    """Return the contrast of two opaque colors, 1 to 21, as WCAG 2 defines it."""
    dark, light = sorted((_luminance(one), _luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def _luminance(color: Color) -> float:
    parts = [
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4
        for part in color.normalized
    ]
    return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]


def legible(color: Color, grounds: Sequence[Color], least: float, *, dark: bool) -> Color:
    """Return `color`, blended with white (black if not `dark`) until it is legible.

    It then has at least the contrast `least` on all grounds, if white or black has.
    """
    end = Color.parse("white" if dark else "black")
    for share in range(0, 101, 4):
        found = color.blend(end, share / 100)
        if all(contrast(found, ground) >= least for ground in grounds):
            return found
    return end


_ALIASES = {TERMINAL: "ansi-dark", TERMINAL_LIGHT: "ansi-light", "dark": DARK, "light": LIGHT}


def theme_name(wanted: str | None, available: set[str]) -> str:
    """Return the name of the `wanted` theme or alias, or our dark theme if it doesn't exist."""
    name = _ALIASES.get(wanted or "", wanted or DARK)
    return name if name in available else DARK
