"""A tolerant reader of PartnerOS's answers.

The documentation of the Integrations API names no inner fields. This module reads the names that
`crmdeck serve` writes, and accepts other spellings (`object_type`, `apiName`, `nillable`). Unknown
attributes go into `native`.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from pydantic import ValidationError

from crmdeck.connectors.http import moment
from crmdeck.errors import SourceError
from crmdeck.formats import json_values
from crmdeck.formats.json_values import (
    MalformedError,
    flag,
    items,
    malformed,
    name,
    record,
    require_unique,
    text,
)
from crmdeck.model import (
    Direction,
    DriftKind,
    Field,
    FieldType,
    GoneReason,
    ObjectFailure,
    ObjectSchema,
    Suggestion,
    WireModel,
)

_log = logging.getLogger(__name__)
M = TypeVar("M", bound=WireModel)
Gone = dict[tuple[str, str | None], GoneReason]

# Other spellings in lower case without underscores, by crmdeck's own name.
_ALIASES = {
    "object_type": ("objectname", "object", "sobject"),
    "schema_hash": ("hash",),
    "name": ("apiname", "fieldname", "propertyname"),
    "label": ("displayname", "title"),
    "type": ("fieldtype", "datatype"),
    "custom": ("iscustom",),
    "required": ("isrequired",),
    "unique": ("isunique", "hasuniquevalue"),
    "createable": ("creatable", "iscreateable"),
    "updateable": ("updatable", "isupdateable"),
    "picklist": ("picklistvalues", "options"),
    "references": ("referenceto",),
    "default": ("defaultvalue",),
    "description": ("helptext", "inlinehelptext"),
    "partner_field": ("partnerosfield", "sourcefield", "source"),
    "crm_field": ("targetfield", "target"),
    "confidence": ("score",),
    "direction": ("recommendeddirection", "suggesteddirection", "syncdirection"),
    "objects": ("objecttypes", "sobjects", "schemas"),
    "suggestions": ("mappings",),
    "discovered_at": ("lastdiscoveredat", "refreshedat", "lastrefreshedat"),
    "is_stale": ("stale",),
    "nillable": ("nullable", "isnillable"),
}
_DIRECTIONS = {
    **{each.value: each for each in Direction},
    **dict.fromkeys(("tocrm", "outbound", "export", "partnerostocrm"), Direction.PUSH),
    **dict.fromkeys(("fromcrm", "inbound", "import", "crmtopartneros"), Direction.PULL),
    **dict.fromkeys(("both", "twoway", "bidirectional", "sync"), Direction.BIDIRECTIONAL),
}
_GONE_KINDS = {
    f"{subject}_{reason.value}": reason for subject in ("object", "field") for reason in GoneReason
}


@dataclass(frozen=True)
class Summary:
    """One object type in the list of schemas; `schema_hash` is empty if it wasn't sent."""

    object_type: str
    label: str
    custom: bool | None
    schema_hash: str
    discovered_at: datetime | None = None
    expires_at: datetime | None = None
    is_stale: bool | None = None
    content_hash: str | None = None

    @property
    def validator(self) -> str:
        """The hash that shows a change: of everything, if the server has one."""
        return self.content_hash or self.schema_hash


def summaries(body: object) -> tuple[Summary, ...]:
    """Return the list of object types; raises SourceError."""
    try:
        return tuple(
            _summary(_ours(record(each, "an object"))[0]) for each in _listed(body, "objects")
        )
    except MalformedError as error:
        raise malformed("The list of objects", error) from None


def object_schema(summary: Summary, body: object) -> ObjectSchema:
    """Return one object type with its fields; raises SourceError."""
    try:
        answer = record(body, "the response")
        inner = answer.get("data")
        wrapped = "fields" not in answer and isinstance(inner, Mapping)
        known, unknown = _ours(inner if wrapped and isinstance(inner, Mapping) else answer)
        parts = [_ours(each) for each in json_values.records(known.get("fields"), "`fields`")]
        fields = tuple(_field(*each) for each in parts)
        require_unique(field.name for field in fields)
        for key, kinds in _LISTS.items():
            has_key = [key in attributes for attributes, _ in parts]
            for field, has in zip(fields, has_key, strict=True):
                # A server that sends such a list of no field doesn't have any.
                if any(has_key) and not has and field.type in kinds:
                    raise MalformedError(f"`{key}` of {field.name} is missing")
        _log_unknown(summary.object_type, {k for f in fields for k in f.native} | unknown.keys())
        details = {key: value for key, value in known.items() if key in _DETAILS}
        schema = ObjectSchema.model_validate({"objectType": summary.object_type, **details})
    except ValidationError as error:
        raise malformed(summary.object_type, _violation(error)) from None
    except MalformedError as error:
        raise malformed(summary.object_type, error) from None
    return schema.model_copy(
        update={"label": summary.label, "custom": summary.custom, "fields": fields}
    )


def _violation(error: ValidationError) -> MalformedError:
    place = ".".join(map(str, error.errors()[0]["loc"]))
    return MalformedError(f"`{place}` has an unexpected value")


def by_object_type(body: object) -> dict[str, object]:
    """Return the schemas that `body` lists, by object type."""
    found: dict[str, object] = {}
    for each in body if isinstance(body, Sequence) and not isinstance(body, str) else ():
        known, _ = _ours(each) if isinstance(each, Mapping) else ({}, {})
        name = known.get("object_type")
        if isinstance(name, str) and "fields" in known:
            found[name] = each
    return found


def suggestions(body: object) -> tuple[Suggestion, ...]:
    """Return the suggestions for an object pair that name both fields."""
    try:
        lines = _listed(body, "suggestions")
    except MalformedError as error:
        raise malformed("The suggestions", error) from None
    found = []
    for line in lines:
        known, _ = _ours(line) if isinstance(line, Mapping) else ({}, {})
        partner, crm, score = (known.get(k) for k in ("partner_field", "crm_field", "confidence"))
        if not isinstance(partner, str) or not isinstance(crm, str):
            continue
        if isinstance(score, bool) or not isinstance(score, int | float) or not 0 <= score <= 100:
            continue
        word = str(known.get("direction") or "").replace("_", "").replace("-", "").casefold()
        found.append(
            Suggestion(
                partner_field=partner,
                crm_field=crm,
                # The documentation names no unit: above 1 it can only be a percentage.
                confidence=score / 100 if score > 1 else float(score),
                direction=_DIRECTIONS.get(word, Direction.BIDIRECTIONAL),
            )
        )
    return tuple(found)


def gone(events: object) -> Gone:
    """Return why object types and fields are missing, from drift events, newest first."""
    reasons: Gone = {}
    for each in events if isinstance(events, Sequence) else ():
        if not isinstance(each, Mapping):
            continue
        known, _ = _ours(each)
        kind, object_type, field = (known.get(k) for k in ("kind", "object_type", "field_name"))
        if isinstance(kind, str) and isinstance(object_type, str) and kind in set(DriftKind):
            thing = (object_type, field if isinstance(field, str) else None)
            if kind in _GONE_KINDS:
                reasons.setdefault(thing, _GONE_KINDS[kind])
    return reasons


def failures(body: object) -> tuple[ObjectFailure, ...]:
    """Return the object types that PartnerOS couldn't read in a refresh. Raises SourceError."""
    try:
        lines = record(body, "the response").get("failures", ())
        found = json_values.records(lines, "`failures`")
        for each in found:
            name(each, "objectType")
        return tuple(map(ObjectFailure.from_wire, found))
    except MalformedError as error:
        raise malformed("The refresh", error) from None
    except ValidationError as error:
        raise malformed("The refresh", _violation(error)) from None


def records(model: type[M], body: object, connection_id: str) -> tuple[M, ...]:
    """Return records from a crmdeck server, with the local ID of the connection."""
    try:
        return tuple(
            model.from_wire({**each, "connectionId": connection_id})
            for each in json_values.records(body, "the list")
        )
    except MalformedError as error:
        raise malformed("The log", error) from None
    except ValidationError as error:
        place = ".".join(str(part) for part in error.errors()[0]["loc"])
        raise SourceError(
            "Can't read the records that PartnerOS sent.",
            cause=f"'{place}' has an unexpected value.",
            remedy="Update crmdeck on this machine or on the server, so that both versions match.",
            code="MALFORMED_LOG",
        ) from None


def organization_ids(body: object) -> tuple[str, ...]:
    """Return the IDs of the organizations that a session can choose."""
    lines = body.get("organizations") if isinstance(body, Mapping) else None
    found = [
        each.get("id")
        for each in (lines if isinstance(lines, Sequence) else ())
        if isinstance(each, Mapping)
    ]
    return tuple(each for each in found if isinstance(each, str))


def _listed(body: object, key: str) -> Sequence[object]:
    """Return the list in a response: bare, under `key` or another name for it, or under `data`."""
    if isinstance(body, list | tuple):
        return body
    answer = record(body, "the response")
    known, unknown = _ours(answer)
    if key in known:
        _log_unknown(f"the list of {key}", unknown)
        return items(known, key)
    if answer.get("data") is None:
        raise MalformedError(f"`{key}` is missing")
    return _listed(answer["data"], key)


def _summary(known: Mapping[str, object]) -> Summary:
    object_type = name(
        known, next((k for k in ("object_type", "name", "type") if k in known), "object_type")
    )
    return Summary(
        object_type=object_type,
        label=text(known, "label") or object_type,
        custom=flag(known, "custom"),
        schema_hash=text(known, "schema_hash") or "",
        discovered_at=moment(known.get("discovered_at")),
        expires_at=moment(known.get("expires_at")),
        is_stale=flag(known, "is_stale"),
        content_hash=text(known, "content_hash"),
    )


def _field(known: Mapping[str, object], unknown: Mapping[str, object]) -> Field:
    own = known.get("native")
    native = {**unknown, **(own if isinstance(own, Mapping) else {})}
    attributes = {key: each for key, each in known.items() if key in Field.model_fields}
    native |= {key: each for key, each in known.items() if key not in Field.model_fields}
    word = attributes.get("type")
    if isinstance(word, str) and word not in set(FieldType):
        attributes["type"] = FieldType.OTHER
        attributes.setdefault("native_type", word)
    place = name(attributes)
    if isinstance(choices := attributes.get("picklist"), list):
        attributes["picklist"] = [
            {"value": each} if isinstance(each, str) else each for each in choices
        ]
    try:
        return Field.model_validate({**attributes, "native": native})
    except ValidationError as error:
        wrong = {str(each["loc"][0]) for each in error.errors()}
        # Without a list or with a number out of bounds, the field would seem to have changed.
        if wrong & _LISTS.keys() or any("than" in each["type"] for each in error.errors()):
            raise MalformedError(f"{place}: {_violation(error)}") from None
    # An attribute of another type is unknown.
    native |= {key: attributes.pop(key) for key in wrong & attributes.keys()}
    try:
        return Field.model_validate({**attributes, "native": native})
    except ValidationError as error:
        raise MalformedError(f"{place}: {_violation(error)}") from None


def _ours(answer: Mapping[str, object]) -> tuple[dict[str, object], dict[str, object]]:
    """Return the known attributes by crmdeck's names, and the rest; both without nulls.

    crmdeck's own spelling wins over another one.
    """
    known: dict[str, object] = {}
    unknown: dict[str, object] = {}
    for key, value in answer.items():
        if value is None:
            continue
        plain = key.replace("_", "").casefold()
        ours = _OURS.get(plain)
        if ours is not None:
            known[ours] = value
        else:
            unknown[key] = value
    for key in list(unknown):
        meant = _MEANT.get(key.replace("_", "").casefold())
        if meant is not None and meant not in known:
            known[meant] = unknown.pop(key)
    return known, unknown


# What crmdeck's server sends of an object in addition to its fields.
_LISTS = {
    "picklist": (FieldType.PICKLIST, FieldType.MULTIPICKLIST),
    "references": (FieldType.REFERENCE,),
}
_DETAILS = frozenset(ObjectSchema.model_fields) - {"object_type", "label", "custom", "fields"}
_OURS = {
    name.replace("_", ""): name
    for name in (
        *Field.model_fields,
        *("object_type", "schema_hash", "fields", "kind", "field_name", "objects"),
        *("suggestions", "content_hash", *sorted(_DETAILS)),
        *("discovered_at", "expires_at", "is_stale", "field_count", "changes"),
        *("acknowledged_at", "acknowledged_by", "note", "detected_at"),
        *("partner_field", "crm_field", "confidence", "direction"),
    )
}
_MEANT = {
    alias: ours for ours, aliases in _ALIASES.items() for alias in aliases if alias not in _OURS
}


def _log_unknown(where: str, keys: Iterable[str]) -> None:
    names = sorted(map(str, keys))
    if names:
        _log.info("PartnerOS sent unknown attributes of %s: %s", where, ", ".join(names)[:500])
