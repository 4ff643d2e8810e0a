"""Which panes there are; a pane's module is imported when it is first shown."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from crmdeck.tui.panes.base import Pane


@dataclass(frozen=True)
class PaneSpec:
    """A pane: its id, its title, the key that shows it, and `module:class` where it lives."""

    id: str
    title: str
    key: str
    where: str

    def load(self) -> type[Pane]:
        """Import and return the class."""
        module, _, name = self.where.partition(":")
        pane: type[Pane] = getattr(import_module(module), name)
        return pane


PANES = (
    PaneSpec("health", "Health", "1", "crmdeck.tui.panes.health.pane:HealthPane"),
    PaneSpec("schema", "Schema", "2", "crmdeck.tui.panes.schema.pane:SchemaPane"),
    PaneSpec("drift", "Drift", "3", "crmdeck.tui.panes.drift.pane:DriftPane"),
    PaneSpec("mapping", "Mapping", "4", "crmdeck.tui.panes.mapping.pane:MappingPane"),
    PaneSpec("audit", "Audit", "5", "crmdeck.tui.panes.audit.pane:AuditPane"),
)
