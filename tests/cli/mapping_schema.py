"""The JSON Schema of a mapping file, drawn from the model: `python -m tests.cli.mapping_schema`."""

from __future__ import annotations

import json
from pathlib import Path

from crmdeck.model import FieldMapping

PAGE = Path(__file__).parents[2] / "docs" / "mapping-file.schema.json"
IDENTITY = "https://github.com/crmdeck/crmdeck/blob/main/docs/mapping-file.schema.json"


def drawn() -> str:
    """Return the schema as the model has it now."""
    schema = FieldMapping.model_json_schema(by_alias=True, mode="validation")
    head = {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": IDENTITY}
    return json.dumps(head | schema, indent=2) + "\n"


if __name__ == "__main__":
    PAGE.write_text(drawn(), "utf-8")
