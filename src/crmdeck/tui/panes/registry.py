"""The panes; the module of a pane is imported when it is first shown."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from crmdeck.tui.panes.pane import Pane


@dataclass(frozen=True)
class PaneSpec:
    """A pane with its key; `load` imports and returns its class."""

    id: str
    title: str
    key: str
    load: Callable[[], type[Pane]]


def _health() -> type[Pane]:
    from crmdeck.tui.panes.health.pane import HealthPane

    return HealthPane


def _schema() -> type[Pane]:
    from crmdeck.tui.panes.schema.pane import SchemaPane

    return SchemaPane


def _drift() -> type[Pane]:
    from crmdeck.tui.panes.drift.pane import DriftPane

    return DriftPane


def _mapping() -> type[Pane]:
    from crmdeck.tui.panes.mapping.pane import MappingPane

    return MappingPane


def _audit() -> type[Pane]:
    from crmdeck.tui.panes.audit.pane import AuditPane

    return AuditPane


PANES = (
    PaneSpec("health", "Health", "1", _health),
    PaneSpec("schema", "Schema", "2", _schema),
    PaneSpec("drift", "Drift", "3", _drift),
    PaneSpec("mapping", "Mapping", "4", _mapping),
    PaneSpec("audit", "Audit", "5", _audit),
)
