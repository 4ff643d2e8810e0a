"""The panes, in the order of their keys."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from crmdeck.tui import panes

if TYPE_CHECKING:
    from crmdeck.tui.panes.pane import Pane


@dataclass(frozen=True)
class PaneSpec:
    """A pane with its key; `load` imports and returns its class."""

    id: str
    title: str
    key: str
    load: Callable[[], type[Pane]]


PANES = (
    PaneSpec("health", "Health", "1", lambda: panes.HealthPane),
    PaneSpec("schema", "Schema", "2", lambda: panes.SchemaPane),
    PaneSpec("drift", "Drift", "3", lambda: panes.DriftPane),
    PaneSpec("mapping", "Mapping", "4", lambda: panes.MappingPane),
    PaneSpec("audit", "Audit", "5", lambda: panes.AuditPane),
)
