"""Frames of the console as one SVG: a still, or an animation that a browser plays.

The SVG loads nothing, and contains each line of the screen once for all frames with that line.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

from defusedxml.ElementTree import fromstring
from rich.cells import cell_len

CELL = (12.2, 24.4)
"""Width and height of a cell in Rich's SVG."""

TEXT_AT = 20.0
FILL_AT = 1.5
MARGIN = 9.0
TITLE_HEIGHT = 40.0
CAPTION_HEIGHT = 46.0

_STYLE = re.compile(r"\.(\S+-r\d+)\s*\{\s*(.*?)\s*\}", re.DOTALL)
_PLAYED = "animation-timing-function:step-end;animation-iteration-count:infinite"


@dataclass(frozen=True)
class Frame:
    """One frame: an SVG exported by Textual, shown for some `seconds`.

    `key` is the label of the keys pressed before it.
    """

    screen: str
    seconds: float = 1.0
    key: str = ""
    caption: str = ""


class _Styles:
    """Short class names for text styles, in order of appearance."""

    def __init__(self) -> None:
        self._names: dict[str, str] = {}

    def name(self, declarations: str) -> str:
        """Return the class for these CSS declarations."""
        return self._names.setdefault(declarations, f"s{len(self._names)}")

    def css(self) -> str:
        return "".join(f".{name}{{{rule}}}\n" for rule, name in self._names.items())


@dataclass(frozen=True)
class _Line:
    """A line of the screen: fills (x, width, color), and text as SVG."""

    fills: tuple[tuple[float, float, str], ...]
    text: str

    def drawn(self, ground: str) -> str:
        """Return the line as SVG; fills in the background color `ground` are left out."""
        # Slightly taller than a line, so that no seam shows between two.
        fills = (
            f'<rect x="{x:.1f}" y="{FILL_AT}" width="{width:.1f}" height="24.65" fill="{fill}"/>'
            for x, width, fill in self.fills
            if fill != ground
        )
        return "".join(fills) + self.text


def draw(frames: Sequence[Frame], size: tuple[int, int], title: str) -> str:
    """Return frames of `size` cells as an SVG: one is a still, more are an endless animation.

    If the viewer prefers reduced motion, only the first frame shows.
    """
    columns, lines = size
    styles = _Styles()
    screens = [_read(frame.screen, styles) for frame in frames]
    ground = _ground(screens)
    seen: dict[tuple[int, str], list[int]] = defaultdict(list)
    for index, screen in enumerate(screens):
        for number, line in screen.items():
            seen[number, line.drawn(ground)].append(index)
    captioned = any(frame.caption or frame.key for frame in frames)
    if captioned:
        for index, frame in enumerate(frames):
            seen[lines, _caption(frame, columns * CELL[0])].append(index)
    timeline = _Timeline([frame.seconds for frame in frames])
    body = []
    for (number, drawn), indexes in sorted(seen.items(), key=lambda one: one[0][0]):
        if drawn:
            rule = timeline.rule(tuple(indexes))
            shown = f' class="{rule}"' if rule else ""
            body.append(f'<g{shown} transform="translate(0 {number * CELL[1]:.1f})">{drawn}</g>')
    width = columns * CELL[0] + 2 * MARGIN
    height = lines * CELL[1] + TITLE_HEIGHT + (CAPTION_HEIGHT if captioned else MARGIN)
    parts = [
        f'<svg viewBox="0 0 {width:g} {height:g}" xmlns="http://www.w3.org/2000/svg" role="img">',
        f"<title>{escape(title)}</title>",
        f"<style>\n{_CSS}{styles.css()}{timeline.css()}</style>",
        f'<rect width="{width:g}" height="{height:g}" rx="8" fill="#292929"/>',
        *(
            f'<circle cx="{x}" cy="21" r="7" fill="{fill}"/>'
            for x, fill in ((26, "#ff5f57"), (48, "#febc2e"), (70, "#28c840"))
        ),
        f'<text class="title" x="{width / 2:g}" y="27" text-anchor="middle">crmdeck</text>',
        f'<g transform="translate({MARGIN:g} {TITLE_HEIGHT:g})">',
        f'<rect width="{columns * CELL[0]:g}" height="{lines * CELL[1]:g}" fill="{ground}"/>',
        *body,
        "</g>",
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


FONTS = "Fira Code,Menlo,Consolas,DejaVu Sans Mono,Liberation Mono,monospace"

_CSS = f"""text{{font:20px {FONTS};white-space:pre}}
.title{{font-weight:bold;fill:#c5c8c6}}
.key{{font-weight:bold;fill:#12161c;text-anchor:middle}}
.caption{{fill:#d3dae4}}
"""


class _Timeline:
    """The times of the frames, and the CSS rules of lines that only some frames have."""

    def __init__(self, seconds: Sequence[float]) -> None:
        self._total = sum(seconds)
        self._begins = [sum(seconds[:index]) for index in range(len(seconds))]
        self._rules: dict[tuple[int, ...], str] = {}

    def rule(self, indexes: tuple[int, ...]) -> str:
        """Return the class of a line in the frames `indexes`; empty if all frames have it."""
        if len(indexes) == len(self._begins):
            return ""
        return self._rules.setdefault(indexes, f"k{len(self._rules)}")

    def css(self) -> str:
        if not self._rules:
            return ""
        lines = []
        for indexes, name in self._rules.items():
            at, before = [], None
            for index, begin in enumerate(self._begins):
                visible = index in indexes
                if visible is not before:
                    share = f"{100 * begin / self._total:.3f}".rstrip("0").rstrip(".")
                    at.append(f"{share}%{{visibility:{_visibility(visible)}}}")
                before = visible
            first = _visibility(0 in indexes)
            lines.append(f"@keyframes {name}{{{''.join(at)}}}")
            lines.append(f".{name}{{visibility:{first};animation-name:{name}}}")
        lines.append(f"g[class]{{animation-duration:{self._total:g}s;{_PLAYED}}}")
        lines.append("@media (prefers-reduced-motion:reduce){g[class]{animation:none}}")
        return "\n".join(lines) + "\n"


def _visibility(visible: bool) -> str:
    return "visible" if visible else "hidden"


def _read(screen: str, styles: _Styles) -> dict[int, _Line]:
    root = fromstring(screen)
    looks = dict(_STYLE.findall("".join(root.itertext())))
    fills: dict[int, list[tuple[float, float, str]]] = defaultdict(list)
    texts: dict[int, list[str]] = defaultdict(list)
    for element in root.iter():
        tag, at = element.tag.rpartition("}")[2], element.attrib
        if tag == "rect" and "shape-rendering" in at:
            number = round((float(at["y"]) - FILL_AT) / CELL[1])
            fills[number].append((float(at["x"]), float(at["width"]), at["fill"]))
        elif tag == "text" and at.get("class") in looks:
            number = round((float(at["y"]) - TEXT_AT) / CELL[1])
            style = styles.name(looks[at["class"]])
            texts[number].extend(_words(element.text or "", float(at["x"]), style))
    return {
        number: _Line(tuple(_joined(fills[number])), "".join(texts[number]))
        for number in sorted({*fills, *texts})
    }


def _words(text: str, x: float, style: str) -> Iterator[str]:
    # A browser collapses wide gaps, so each stretch of words has its own place.
    for match in re.finditer(r"\S+(?: \S+)*", text.replace("\xa0", " ")):
        begin = x + CELL[0] * cell_len(text[: match.start()])
        length = CELL[0] * cell_len(match.group())
        yield (
            f'<text class="{style}" x="{begin:.1f}" y="{TEXT_AT:g}" textLength="{length:.1f}">'
            f"{escape(match.group())}</text>"
        )


def _ground(screens: Sequence[dict[int, _Line]]) -> str:
    area: Counter[str] = Counter()
    for screen in screens:
        for line in screen.values():
            for _, width, fill in line.fills:
                area[fill] += round(width)
    return area.most_common(1)[0][0]


def _joined(fills: Iterable[tuple[float, float, str]]) -> list[tuple[float, float, str]]:
    joined: list[tuple[float, float, str]] = []
    for x, width, fill in sorted(fills):
        if joined and joined[-1][2] == fill and x - sum(joined[-1][:2]) < CELL[0] / 2:
            begin = joined.pop()[0]
            joined.append((begin, x + width - begin, fill))
        else:
            joined.append((x, width, fill))
    return joined


def _caption(frame: Frame, width: float) -> str:
    text = f'<text class="caption" x="14" y="29">{escape(frame.caption)}</text>'
    if not frame.key:
        return text
    key = 20 + CELL[0] * cell_len(frame.key)
    x = width - key - 14
    return (
        f'{text}<rect x="{x:.1f}" y="8" width="{key:.1f}" height="29" rx="5" fill="#d3dae4"/>'
        f'<text class="key" x="{x + key / 2:.1f}" y="29">{escape(frame.key)}</text>'
    )
