"""Canonical forms and hashes of schemas.

The schema hash is SHA-256 over the canonical field list: the same schema has the same hash on every
machine, whatever the order of fields and picklist values. The structural hash leaves out the
cosmetic attributes. The object hash and the rules hash cover the attributes of an object and the
checks on its writes. `content_hash` covers everything that is stored, `native` included.

What a source leaves out is left out here, so that an attribute added by a later version changes no
hash of a schema without it. If a source begins to give an attribute, the hash differs once, and
comparing finds nothing: unknown and known are not compared.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping

from crmdeck.model.schema import Field, ObjectSchema, PicklistValue, Rule

# json.dumps would make an encoder for each value.
canonical_dump: Callable[[object], str] = json.JSONEncoder(
    sort_keys=True, separators=(",", ":")
).encode
STRUCTURAL_ATTRIBUTES = (
    "type",
    "native_type",
    "references",
    "required",
    "nillable",
    "length",
    "precision",
    "scale",
    "unique",
    "external_id",
    "calculated",
    "formula",
    "picklist",
    "restricted",
    "controller",
    "allowed_values",
    "value_set",
    "relationship_name",
    "child_relationship",
    "delete_constraint",
    "lookup_filter",
    "reparentable",
    "write_requires_master_read",
    "rollup",
    "blanks_as_zero",
    "display_format",
    "filterable",
    "id_lookup",
    "encrypted",
    "case_sensitive",
    "auto_number",
    "readable",
    "createable",
    "updateable",
    "archived",
)
COSMETIC_ATTRIBUTES = ("label", "description", "internal_note", "group", "default")
COMPARED_ATTRIBUTES = STRUCTURAL_ATTRIBUTES + COSMETIC_ATTRIBUTES
OBJECT_ATTRIBUTES = (
    "label",
    "plural",
    "custom",
    "createable",
    "updateable",
    "deletable",
    "queryable",
    "custom_setting",
    "field_sets",
    "record_types",
    "user",
)
# The fields that a rule reads follow from its expression.
RULE_ATTRIBUTES = ("kind", "field", "message", "expression", "active")
RULE_EFFECTS = ("on_create", "on_update")


def schema_hash(fields: Iterable[Field]) -> str:
    """Return the SHA-256 (hex) of the compared attributes of `fields`, in any order."""
    return lines_hash(canonical_json(field, structural=False) for field in fields)


def structural_hash(fields: Iterable[Field]) -> str:
    """Return the SHA-256 (hex) of the structural attributes of `fields`, in any order."""
    return lines_hash(canonical_json(field, structural=True) for field in fields)


def object_hash(schema: ObjectSchema) -> str:
    """Return the SHA-256 (hex) of the attributes of an object, without its fields."""
    record: dict[str, object] = {}
    for name in OBJECT_ATTRIBUTES:
        value = getattr(schema, name)
        if name == "record_types" and value is not None:
            value = sorted(
                # The same record type has another ID in a sandbox than in production.
                each.model_dump_json(by_alias=True, exclude_none=True, exclude={"id"})
                for each in value
            )
        if value is not None:
            record[name] = value
    return lines_hash([canonical_dump(record)])


def rules_hash(schema: ObjectSchema) -> str | None:
    """Return the SHA-256 (hex) of an object's rules, in any order; None if they are unknown.

    It covers the unknown kinds too, without the reasons.
    """
    if schema.rules is None:
        return None
    lines = [_rule_json(rule) for rule in schema.rules]
    if schema.not_read is not None:
        lines.append(canonical_dump(sorted(schema.not_read)))
    return lines_hash(lines)


def _rule_json(rule: Rule) -> str:
    values = [rule.name, *(getattr(rule, name) for name in RULE_ATTRIBUTES)]
    effects = [getattr(rule, name) for name in RULE_EFFECTS]
    # Rules got their effects later: without one, a rule keeps the hash that it had before.
    return canonical_dump(values + effects if any(effects) else values)


def field_hash(field: Field) -> str:
    """Return the SHA-256 (hex) of a field's whole definition, `native` included."""
    return hashlib.sha256(definition_json(field).encode()).hexdigest()


def definition_json(field: Field) -> str:
    """Return a field's whole definition as JSON under its wire names.

    Default values are left out, so that an attribute added by a later version doesn't change the
    stored fields without it. Keys inside `native` are sorted.
    """
    plain = field.model_dump_json(by_alias=True, exclude_defaults=True, exclude={"native"})
    return f'{plain[:-1]},"native":{canonical_dump(field.native)}}}' if field.native else plain


def canonical_picklist(
    values: Iterable[PicklistValue], *, structural: bool
) -> list[tuple[object, ...]]:
    """Return picklist values as sorted tuples, without labels and defaults, which are cosmetic.

    Each tuple once: CRMs repeat values (`Id` 706 times in one list).
    """
    if structural:
        return sorted({(v.value, v.active) for v in values})
    return sorted({(v.value, v.active, v.label, v.default) for v in values})


def canonical_allowed_values(values: Mapping[str, Iterable[str]]) -> dict[str, list[str]]:
    """Return the allowed values of each controlling value, each once and in order."""
    return {controlling: sorted(set(allowed)) for controlling, allowed in values.items() if allowed}


def canonical_json(field: Field, *, structural: bool) -> str:
    """Return the part of a field that counts for the structural or the schema hash, as JSON."""
    # A list is empty if the source states none, as other values are None.
    names = STRUCTURAL_ATTRIBUTES if structural else COMPARED_ATTRIBUTES
    record: dict[str, object] = {"name": field.name}
    for name in names:
        value: object = getattr(field, name)
        if name == "picklist":
            value = canonical_picklist(field.picklist, structural=structural)
        elif name == "references":
            value = sorted(set(field.references))
        elif name == "allowed_values" and field.allowed_values is not None:
            value = canonical_allowed_values(field.allowed_values)
        if value is not None and value != []:
            record[name] = value
    return canonical_dump(record)


def lines_hash(lines: Iterable[str]) -> str:
    """Return the SHA-256 (hex) of an object's canonical fields, in any order."""
    digest = hashlib.sha256()
    for line in sorted(lines):
        # A text of a CRM can contain half of a surrogate pair, which UTF-8 can't encode.
        digest.update(line.encode("utf-8", "surrogatepass"))
        digest.update(b"\n")
    return digest.hexdigest()
