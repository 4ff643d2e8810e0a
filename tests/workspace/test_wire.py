"""Everything that the Python API returns has a wire shape, and a place to import it from."""

from __future__ import annotations

import json
import typing
from collections.abc import Iterator
from datetime import UTC, datetime
from enum import Enum
from typing import Any

from crmdeck import errors, model, workspace
from crmdeck.workspace import SignInAttempts, open_demo
from crmdeck.workspace.connections.signin.browser import BrowserSignIn
from crmdeck.workspace.explore.meaning import FoundFields
from crmdeck.workspace.policy import Policy

from .api_page import methods, services

PAIR = "deal_registration--Opportunity"
LATE = {"FoundFields": FoundFields, "Policy": Policy}
"""What annotations name and their modules import for the type checker only."""


def classes(annotation: object) -> Iterator[type]:
    if typing.get_origin(annotation) is not None:
        for part in typing.get_args(annotation):
            yield from classes(part)
    elif isinstance(annotation, type) and annotation.__module__.startswith("crmdeck"):
        yield annotation


def test_returned_types_have_api_format_and_import() -> None:
    found = {
        each
        for service in services().values()
        for _, method in methods(service)
        for each in classes(typing.get_type_hints(method, None, LATE).get("return"))
    }
    # A running sign-in and an open table aren't records.
    running = (BrowserSignIn, SignInAttempts)
    found = {each for each in found if not issubclass(each, (Enum, *running))}
    assert not [each for each in found if not callable(getattr(each, "to_wire", None))]
    assert not {each.__name__ for each in found} - {*dir(model), *dir(workspace), *dir(errors)}


def test_plain_records_have_json() -> None:
    ws = open_demo(at=datetime(2026, 5, 16, 12, tzinfo=UTC))
    try:
        ref = "acme-prod"
        returned: list[Any] = [
            ws.schemas.fields(ref)[0],
            ws.schemas.overview(ref),
            ws.schemas.inspect(ref, "Opportunity"),
            ws.drift.timeline(ref),
            *ws.drift.open_groups(ref),
            ws.mappings.review(ref, PAIR),
            ws.places.all(most_fields=10),
            ws.preflights.fails_when(ref, PAIR)[0],
        ]
        wires = [json.loads(json.dumps(each.to_wire())) for each in returned]
    finally:
        ws.close()
    assert wires[0]["objectType"]
    assert wires[1]["objects"][0]["objectType"]
    assert all(wires)
