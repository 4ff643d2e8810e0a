"""The frame around the parts of a pane: titles, states, the position, and the scroll bars."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cached_property, partial
from typing import ClassVar, NamedTuple

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual import events, on
from textual.containers import Container
from textual.content import Content
from textual.geometry import Region, Size
from textual.layout import WidgetPlacement
from textual.strip import Strip
from textual.visual import Visual
from textual.widget import Widget

from crmdeck.tui.text import cut_middle
from crmdeck.tui.widgets.table import Table
from crmdeck.tui.widgets.text_view import TextView

UP, RIGHT, DOWN, LEFT = 1, 2, 4, 8
GLYPHS = {
    UP | DOWN: "│",
    LEFT | RIGHT: "─",
    DOWN | RIGHT: "╭",
    DOWN | LEFT: "╮",
    UP | RIGHT: "╰",
    UP | LEFT: "╯",
    UP | DOWN | RIGHT: "├",
    UP | DOWN | LEFT: "┤",
    DOWN | LEFT | RIGHT: "┬",
    UP | LEFT | RIGHT: "┴",
    UP | DOWN | LEFT | RIGHT: "┼",
}
THUMB = "┃"
LEAST_MAIN, LEAST_SIDE = 6, 20
"""Least lines of the first part, and least cells of another, while the user drags a frame."""
BETWEEN = " · "

Cells = dict[int, dict[int, int]]
"""Arms of the edges by line, then by column."""


class Caption(NamedTuple):
    """The title of a part, the longest form first, and its state, the most important first."""

    titles: tuple[str, ...]
    state: tuple[Content, ...] = ()


def edges(frames: Iterable[Region]) -> Cells:
    """Return the edges of frames; those that touch are joined."""
    # Each cell collects the arms of all frames that touch it; `GLYPHS` has a sign for each sum.
    cells: Cells = defaultdict(lambda: defaultdict(int))
    for x, y, width, height in frames:
        right, bottom = x + width - 1, y + height - 1
        for line in (y, bottom):
            for column in range(x, right + 1):
                cells[line][column] |= (column > x) * LEFT | (column < right) * RIGHT
        for column in (x, right):
            for line in range(y, bottom + 1):
                cells[line][column] |= (line > y) * UP | (line < bottom) * DOWN
    return cells


def thumb(scroller: Widget, header: int) -> range:
    """Return the lines of a scrolling widget next to which its scroll bar shows, if it scrolls."""
    height, total = scroller.size.height, scroller.virtual_size.height
    track, rows = height - header, total - header
    if track < 1 or total <= height:
        return range(0)
    length = max(1, track * track // rows)
    most = rows - track
    start = round((track - length) * min(scroller.scroll_offset.y, most) / most)
    # Only the first and the last row reach an end of the track.
    if 0 < scroller.scroll_offset.y < most and track - length > 1:
        start = min(max(1, start), track - length - 1)
    return range(header + start, header + start + length)


def fit(caption: Caption, width: int) -> tuple[str, Content]:
    """Return title and state for an edge of `width` cells between its corners.

    Parts of the state are left out from the last one on, then the title is shorter, then the state
    is left out. At last the title is cut in its middle.
    """
    for title in caption.titles:
        for parts in range(len(caption.state), 0, -1):
            state = Content(BETWEEN).join(caption.state[:parts])
            if cell_len(title) + state.cell_length + 7 <= width:
                return title, state
    shortest = caption.titles[-1]
    fits = (title for title in caption.titles if cell_len(title) + 4 <= width)
    return next(fits, None) or cut_middle(shortest, max(1, width - 4)), Content("")


class Drawn(NamedTuple):
    """All that a frame depends on."""

    size: Size
    is_drawn: bool
    frames: tuple[tuple[Widget, Region], ...]
    focused: Widget | None
    captions: tuple[tuple[Widget, Caption], ...]
    thumbs: tuple[tuple[Widget, range], ...]
    position: str


class Panel(Container):
    """Frames its parts: the displayed widgets with the class `part` in it.

    Parts have a margin of a cell, the frame: neighbors share it unless they are farther apart. The
    frame of the part with the focus is bright. The scroll bars of tables and texts are drawn on
    the right edge, and the position in the first table at the bottom.

    Nothing is drawn before the first part has a title.
    """

    COMPONENT_CLASSES: ClassVar[set[str]] = {"panel--edge", "panel--focused", "panel--thumb"}

    def __init__(self, *children: Widget, id: str | None = None) -> None:
        super().__init__(*children, id=id)
        self._captions: dict[Widget, Caption] = {}
        self._position = ""
        self._drawn_for: Drawn | None = None
        self._shown_for: Drawn | None = None
        self._strips: list[Strip] = []
        self._drag: Callable[[events.MouseEvent], object] | None = None
        self._sized: list[Widget] = []

    @cached_property
    def _every_part(self) -> tuple[Widget, ...]:
        return tuple(self.query(".part").results(Widget))

    @cached_property
    def _scrollers(self) -> Mapping[Widget, tuple[Widget, ...]]:
        found = defaultdict(list)
        for scroller in (*self.query(Table), *self.query(TextView)):
            nearest = (one for one in scroller.ancestors_with_self if one in self._every_part)
            found[next(nearest)].append(scroller)
            # The frame has their scroll bars, so it changes when they scroll or grow.
            self.watch(scroller, "scroll_y", self._redraw, init=False)
            self.watch(scroller, "virtual_size", self._redraw, init=False)
        return {part: tuple(scrollers) for part, scrollers in found.items()}

    @property
    def is_drawn(self) -> bool:
        """True once a part has a title."""
        return any(caption.titles[0] for caption in self._captions.values())

    def caption(self, part: Widget, *titles: str, state: Sequence[Content] = ()) -> None:
        """Show the title of a part, the longest form first, and its state at the right."""
        caption = Caption(tuple(filter(None, titles)) or ("",), tuple(state))
        if self._captions.get(part) != caption:
            self._captions[part] = caption
            self._redraw()

    @on(Table.Highlighted)
    @on(Table.Ordered)
    def _moved(self, message: Table.Highlighted | Table.Ordered) -> None:
        table = message.table
        # A table without the focus follows another one.
        is_used = table.can_focus and self._is_shown(table)
        if is_used and table.position_text != self._position:
            self._position = table.position_text
            self._redraw()

    def on_descendant_focus(self) -> None:
        self._redraw()

    def on_descendant_blur(self) -> None:
        self._redraw()

    def notify_style_update(self) -> None:
        super().notify_style_update()
        self._drawn_for = None

    def process_layout(self, placements: list[WidgetPlacement]) -> list[WidgetPlacement]:
        # Textual paints where a part was and is, but not the frame around it.
        self.call_after_refresh(self._redraw)
        return placements

    def _redraw(self) -> None:
        if not self.is_attached:
            return
        before, now = self._shown_for, self._wanted()
        self._shown_for = now
        if before is None or before.is_drawn != now.is_drawn:
            self.refresh()
            return
        if before == now:
            return
        width = now.size.width
        # Sizes, frames or the focus changed: all edges, but not what they enclose.
        if before[:4] != now[:4]:
            frames = [frame for _, frame in (*before.frames, *now.frames)]
            lines = {y for frame in frames for y in (frame.y, frame.bottom - 1)}
            columns = {x for frame in frames for x in (frame.x, frame.right - 1)}
            self._repaint(
                *(Region(0, y, width, 1) for y in lines),
                *(Region(x, 0, 1, now.size.height) for x in columns),
            )
            return
        old, new = dict(before.captions), dict(now.captions)
        found = [
            Region(0, frame.y, width, 1)
            for part, frame in now.frames
            if old.get(part) != new.get(part)
        ]
        if before.thumbs != now.thumbs:
            found += [Region(frame.right - 1, 0, 1, now.size.height) for _, frame in now.frames]
        if before.position != now.position and now.frames:
            found.append(Region(0, max(frame.bottom for _, frame in now.frames) - 1, width, 1))
        if found:
            self._repaint(*found)

    def _repaint(self, *regions: Region) -> None:
        # Textual counts from inside the padding.
        self.refresh(*(region.translate(-self.content_offset) for region in regions))

    def _is_shown(self, widget: Widget) -> bool:
        for node in widget.ancestors_with_self:
            if node is self:
                return True
            if not node.display:
                return False
        return False

    def _frames(self) -> dict[Widget, Region]:
        """Return the displayed parts with their frames, relative to the panel."""
        offset = self.region.offset
        return {
            part: part.region.translate(-offset).grow((1, 1, 1, 1))
            for part in self._every_part
            if self._is_shown(part) and part.region
        }

    def _thumbs(self) -> Iterator[tuple[Widget, range]]:
        """Yield parts, and the lines of the panel next to which their scroll bars show."""
        offset = self.region.offset
        for part, scrollers in self._scrollers.items():
            for scroller in scrollers:
                if self._is_shown(scroller):
                    header = scroller.header_height if isinstance(scroller, Table) else 0
                    lines = thumb(scroller, header)
                    top = scroller.content_region.y - offset.y
                    yield part, range(top + lines.start, top + lines.stop)

    def _wanted(self) -> Drawn:
        return Drawn(
            self.outer_size,
            self.is_drawn,
            tuple(self._frames().items()),
            self._focused_part(),
            tuple(self._captions.items()),
            tuple(self._thumbs()),
            self._position,
        )

    def _focused_part(self) -> Widget | None:
        focused = self.screen.focused
        if focused is None or self not in focused.ancestors:
            return None
        return next((one for one in focused.ancestors_with_self if one in self._every_part), None)

    def render_lines(self, crop: Region) -> list[Strip]:
        wanted = self._wanted()
        if wanted != self._drawn_for:
            self._drawn_for, self._strips = wanted, self._draw()
        blank = Strip.blank(crop.width, self.rich_style)
        lines = self._strips[crop.y : crop.bottom]
        shown = [line.crop(crop.x, crop.right) for line in lines]
        return shown + [blank] * (crop.height - len(shown))

    def _draw(self) -> list[Strip]:
        width, height = self.outer_size
        ground = self.rich_style
        if not self.is_drawn:
            return [Strip.blank(width, ground)] * height
        frames, focused = self._frames(), self._focused_part()
        cells = edges(frames.values())
        bright = edges([frames[focused]]) if focused in frames else {}
        thumbs = {
            (frames[part].right - 1, y)
            for part, lines in self._thumbs()
            if part in frames
            for y in lines
        }
        dim, lit, bar = (
            ground + self.get_component_rich_style(f"panel--{name}", partial=True)
            for name in ("edge", "focused", "thumb")
        )
        # Most lines of a frame are alike.
        known: dict[object, Strip] = {}
        strips = []
        for y in range(height):
            line, lights = cells.get(y, {}), bright.get(y, {})
            glyphs = tuple(
                (x, THUMB, lit if x in lights else bar)
                if (x, y) in thumbs
                else (x, GLYPHS.get(arms, " "), lit if x in lights else dim)
                for x, arms in sorted(line.items())
            )
            if glyphs not in known:
                known[glyphs] = _strip(glyphs, width, ground)
            strips.append(known[glyphs])
        for part, frame in frames.items():
            # A frame inside of this one has its own title on the same line.
            inside = [
                x for x, y, *_ in frames.values() if y == frame.y and frame.x < x < frame.right
            ]
            if part in self._captions:
                width = min([frame.right, *inside]) - frame.x
                self._write(strips, part, Region(frame.x, frame.y, width, 1))
        self._write_position(strips, list(frames.values()))
        # Textual applies them where it draws a widget, which `render_lines` replaces.
        for line_filter in self.get_line_filters():
            strips = [one.apply_filter(line_filter, self.background_colors[1]) for one in strips]
        return strips

    def _write(self, strips: list[Strip], part: Widget, frame: Region) -> None:
        title, state = fit(self._captions[part], frame.width - 2)
        if title:
            self._over(strips, frame.x + 2, frame.y, Content.styled(f" {title} ", "bold"))
        if state:
            shown = Content.assemble(" ", state, " ")
            self._over(strips, frame.right - 2 - shown.cell_length, frame.y, shown)

    def _write_position(self, strips: list[Strip], frames: Sequence[Region]) -> None:
        if self._position and frames:
            first = frames[0]
            below = [one for one in frames if one.x >= first.x and one.right <= first.right]
            last = max(below, key=lambda one: (one.bottom, one.right))
            shown = Content.styled(f" {self._position} ", "$muted")
            self._over(strips, last.right - 2 - shown.cell_length, last.bottom - 1, shown)

    def _over(self, strips: list[Strip], x: int, y: int, text: Content) -> None:
        if 0 <= y < len(strips) and x > 0:
            (shown,) = Visual.to_strips(
                self, text, text.cell_length, 1, self.visual_style, apply_selection=False
            )
            line, end = strips[y], x + text.cell_length
            strips[y] = Strip.join([line.crop(0, x), shown, line.crop(end, self.outer_size.width)])

    def on_mouse_down(self, event: events.MouseDown) -> None:
        self._drag = self._dragged_at(event)
        if self._drag is not None:
            self.capture_mouse()
            self._drag(event)

    def _dragged_at(self, event: events.MouseEvent) -> Callable[[events.MouseEvent], object] | None:
        """Return the function that a drag from this cell calls: it scrolls or resizes a part."""
        frames = self._frames()
        for part, frame in frames.items():
            if event.x == frame.right - 1 and frame.y < event.y < frame.bottom - 1:
                for scroller in filter(self._is_shown, self._scrollers.get(part, ())):
                    if scroller.max_scroll_y:
                        return partial(self._scroll, scroller)
        for part, frame in frames.items():
            if event.y == frame.y > 0 and frame.x <= event.x < frame.right:
                return partial(self._set_height, part, frame.bottom)
            if event.x == frame.x > 0 and frame.y < event.y < frame.bottom - 1:
                return partial(self._set_width, part, frame.right)
        return None

    def on_mouse_move(self, event: events.MouseMove) -> None:
        if self._drag is not None:
            self._drag(event)

    def on_mouse_up(self) -> None:
        if self._drag is not None:
            self._drag = None
            self.release_mouse()

    def _scroll(self, scroller: Widget, event: events.MouseEvent) -> None:
        top = scroller.region.y - self.region.y
        share = (event.y - top) / max(1, scroller.size.height - 1)
        scroller.scroll_to(y=round(share * scroller.max_scroll_y), animate=False)

    def _set_height(self, part: Widget, bottom: int, event: events.MouseEvent) -> None:
        first = next(iter(self._frames()))
        inside = (node for node in part.ancestors_with_self if self in node.ancestors)
        nodes = [node for node in inside if isinstance(node, Widget)]
        self._sized = [first, *nodes]
        first.styles.height = "1fr"
        for node in nodes:
            node.styles.height, node.styles.max_height = "auto", "100%"
        part.styles.height = max(1, min(bottom - event.y - 2, self.size.height - LEAST_MAIN))

    def _set_width(self, part: Widget, right: int, event: events.MouseEvent) -> None:
        self._sized = [part]
        part.styles.width = max(LEAST_SIDE, min(right - event.x - 2, self.size.width // 2))

    @property
    def is_sized(self) -> bool:
        """True if the user dragged the frame of a part."""
        return bool(self._sized)

    @on(events.Resize)
    def forget_sizes(self) -> None:
        """Give the parts the sizes of the style sheets again."""
        for part in self._sized:
            part.styles.height = part.styles.max_height = part.styles.width = None
        self._sized = []


class Parts(Container):
    """A container of parts, in a panel. It shows the frame between them."""

    def render_lines(self, crop: Region) -> list[Strip]:
        panel = next(one for one in self.ancestors if isinstance(one, Panel))
        return panel.render_lines(crop.translate(self.region.offset - panel.region.offset))


def _strip(glyphs: Sequence[tuple[int, str, Style]], width: int, ground: Style) -> Strip:
    segments: list[Segment] = []
    at = 0
    text, style = "", ground

    def put(more: str, other: Style) -> None:
        nonlocal text, style
        # A frame has four styles, so their identity is enough.
        if other is not style and text:
            segments.append(Segment(text, style))
            text = ""
        text, style = text + more, other

    for x, glyph, its in glyphs:
        if 0 <= x < width:
            if x > at:
                put(" " * (x - at), ground)
            put(glyph, its)
            at = x + 1
    put(" " * (width - at), ground)
    segments.append(Segment(text, style))
    return Strip([one for one in segments if one.text], width)
