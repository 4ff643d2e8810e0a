from crmdeck.tui.panes.audit.pane import AuditPane as AuditPane
from crmdeck.tui.panes.drift.pane import DriftPane as DriftPane
from crmdeck.tui.panes.health.pane import HealthPane as HealthPane
from crmdeck.tui.panes.mapping.pane import MappingPane as MappingPane
from crmdeck.tui.panes.schema.pane import SchemaPane as SchemaPane
