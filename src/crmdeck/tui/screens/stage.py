"""The container of the panes: one is visible, the others keep their state."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from textual.containers import Container
from textual.widgets import Input

from crmdeck.tui import widgets
from crmdeck.tui.host import Host
from crmdeck.tui.panes.registry import PaneSpec

if TYPE_CHECKING:
    from crmdeck.tui.panes.pane import Pane


class Stage(Container):
    """Makes each pane when it is first shown, and restores its state."""

    def __init__(
        self,
        host: Host,
        specs: Sequence[PaneSpec],
        *,
        id: str,
    ) -> None:
        super().__init__(id=id)
        self._host = host
        self._specs = {spec.id: spec for spec in specs}
        self._panes: dict[str, Pane] = {}
        self.pane: Pane | None = None
        self.pane_id = ""
        self._bringing = asyncio.Lock()

    @property
    def shown(self) -> Pane:
        """The pane that shows. Raises KeyError before the first one."""
        return self._panes[self.pane_id]

    @property
    def is_typing(self) -> bool:
        """True if printable keys go into a line of text."""
        return isinstance(self.screen.focused, Input)

    def focus_pane(self) -> None:
        """Move the focus into the pane."""
        target = self.pane.focus_target() if self.pane is not None else None
        if target is not None:
            target.focus()

    @property
    def title(self) -> str:
        return self._specs[self.pane_id].title if self.pane_id else ""

    def tables(self) -> tuple[widgets.Table[Any], ...]:
        return tuple(self.pane.query(widgets.Table)) if self.pane is not None else ()

    @property
    def table(self) -> widgets.Table[Any] | None:
        """The visible table of the pane."""
        shown = (
            table
            for table in self.tables()
            if all(node.display for node in table.ancestors_with_self)
        )
        return next(shown, None)

    async def bring(self, pane_id: str) -> Pane:
        """Show a pane, hide the others, and return it."""
        # A key can choose the pane that the console is mounting at its start.
        async with self._bringing:
            pane = self._panes.get(pane_id)
            if pane is None:
                pane = self._specs[pane_id].load()(self._host, id=f"pane-{pane_id}")
                # Its widgets take the state once they are mounted.
                await self.mount(pane)
                state = self._host.ui_state.panes.get(pane_id, {})
                pane.restore(state)
                text = state.get("filter")
                pane.set_filter_text(text if isinstance(text, str) else pane.first_filter)
                self._panes[pane_id] = pane
            for other in self._panes.values():
                other.display = other is pane
            self.pane, self.pane_id = pane, pane_id
        return pane

    def states(self) -> dict[str, dict[str, object]]:
        """Return the states of the panes made so far."""
        return {
            pane_id: {**pane.state(), "filter": pane.filter_text}
            for pane_id, pane in self._panes.items()
        }
