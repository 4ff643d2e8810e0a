"""Draw all parts of the docs that come from the code: `python -m tests.docs`."""

from __future__ import annotations

import runpy

from tests.docs.drawn import DOCS, PARTS, WIRE_SCHEMA, redrawn, wire_schema

OTHERS = (
    "tests.cli.completion_table",
    "tests.cli.mapping_schema",
    "tests.connectors.faults_page",
    "tests.drift.rules_page",
    "tests.tui.keys_page",
    "tests.workspace.api_page",
)

for page in PARTS:
    (DOCS / page).write_text(redrawn(page), "utf-8")
WIRE_SCHEMA.write_text(wire_schema(), "utf-8")
for module in OTHERS:
    runpy.run_module(module, run_name="__main__")
