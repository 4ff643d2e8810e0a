"""Schemas: object types and fields of a CRM, in the same form for every platform."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Annotated

import pydantic

from crmdeck.errors import NotFoundError
from crmdeck.model.enums import FieldType, RuleKind, ScopeMode
from crmdeck.model.wire import UtcTime, WireModel

Name = Annotated[str, pydantic.Field(min_length=1)]
Flag = Annotated[bool, pydantic.Strict()]
"""True or false; text such as "yes" is neither."""
Count = Annotated[int, pydantic.Strict(), pydantic.Field(ge=0, lt=2**31)]

# pydantic gives each model a set with the names of its given attributes. Here that would be half of
# the memory of a schema, and nothing reads it: all models of a class share one.
_names: dict[type[WireModel], set[str]] = {}


def _share_names(model: WireModel) -> None:
    names = _names.get(type(model))
    if names is None:
        names = _names[type(model)] = set(type(model).model_fields)
    object.__setattr__(model, "__pydantic_fields_set__", names)


class PicklistValue(WireModel):
    """A value of a picklist; `value` is what the API stores, `label` what people see."""

    value: str
    label: str = ""
    active: Flag = True
    default: Flag = False

    def model_post_init(self, context: object) -> None:
        _share_names(self)


class UserAccess(WireModel):
    """What the sync user can do with an object or a field; None is unknown.

    `why` names the permission sets that grant access, or what is missing. `lacks` has the letters
    of missing permissions: C, R, E or D. It is empty if the CRM lets no user write the field.
    """

    readable: bool | None = None
    createable: bool | None = None
    updateable: bool | None = None
    why: str = ""
    lacks: str = ""


class Field(WireModel):
    """A field of an object type. `None` means that the source doesn't say.

    `length` counts characters, `precision` and `scale` count digits. `default` is a literal or
    a formula. `compound` names the field that a part belongs to (Salesforce `Name`). `native`
    contains the CRM's other attributes, verbatim. `internal_note` is for admins, and no user of the
    CRM sees it.

    `type_exact` is False if the source doesn't distinguish a currency from a number, or a
    reference from a list. `nillable` is True if a record may have no value, `required` if a
    record can't be created without one. `controller` names the field whose value decides which
    picklist values are allowed, `allowed_values` lists them for each of its values. `value_set`
    names the global value set of a picklist. `delete_constraint` is `SetNull`, `Restrict` or
    `Cascade`. `lookup_filter` is a condition, `rollup` what a roll-up field sums up. These
    texts are empty if there is none. If `sync_user` is set, `readable`, `createable` and
    `updateable` are the sync user's; they are otherwise those of crmdeck's own user.
    """

    name: Name
    label: str = ""
    type: FieldType = FieldType.OTHER
    native_type: str = ""
    type_exact: Flag | None = None
    description: str | None = None
    internal_note: str | None = None
    required: Flag | None = None
    nillable: Flag | None = None
    readable: Flag | None = None
    createable: Flag | None = None
    updateable: Flag | None = None
    unique: Flag | None = None
    external_id: Flag | None = None
    calculated: Flag | None = None
    formula: str | None = None
    custom: Flag | None = None
    length: Count | None = None
    precision: Count | None = None
    scale: Count | None = None
    picklist: tuple[PicklistValue, ...] = ()
    restricted: Flag | None = None
    controller: str | None = None
    allowed_values: dict[str, tuple[str, ...]] | None = None
    value_set: str | None = None
    references: tuple[str, ...] = ()
    relationship_name: str | None = None
    child_relationship: str | None = None
    delete_constraint: str | None = None
    lookup_filter: str | None = None
    reparentable: Flag | None = None
    write_requires_master_read: Flag | None = None
    rollup: str | None = None
    blanks_as_zero: Flag | None = None
    display_format: str | None = None
    filterable: Flag | None = None
    id_lookup: Flag | None = None
    encrypted: Flag | None = None
    case_sensitive: Flag | None = None
    auto_number: Flag | None = None
    compound: str | None = None
    default: str | None = None
    default_is_formula: Flag | None = None
    group: str | None = None
    archived: Flag | None = None
    sync_user: UserAccess | None = pydantic.Field(None, exclude_if=lambda user: user is None)
    native: dict[str, object] = pydantic.Field(default_factory=dict)

    def model_post_init(self, context: object) -> None:
        _share_names(self)


class RecordType(WireModel):
    """A record type of an object type; `available` and `default` are for this user.

    `values` lists the picklist values of each field that a record of this type can have,
    `value_defaults` the default one.
    """

    name: Name
    label: str = ""
    active: Flag = True
    available: Flag | None = None
    default: Flag | None = None
    values: dict[str, tuple[str, ...]] | None = None
    value_defaults: dict[str, str] | None = None
    id: str | None = None


class Rule(WireModel):
    """A check that a CRM makes on a write, in addition to the types of the fields.

    `name` is unique within its object type. `fields` are those that the rule reads, as far as
    known, `field` the one that shows its error. `expression` is the condition or formula in the
    CRM's own words, `message` the CRM's response to a write that breaks it. `on_create` and
    `on_update` are what the CRM does with such a write: `block`, `alert` (rejected unless the
    caller confirms it), `report` or `run` (automation). None means that the kind of rule
    decides.
    """

    name: Name
    kind: RuleKind
    fields: tuple[str, ...] = ()
    field: str | None = None
    message: str = ""
    expression: str = ""
    active: Flag = True
    on_create: str | None = None
    on_update: str | None = None
    modified_at: UtcTime | None = None

    @property
    def title(self) -> str:
        """The rule with its kind: `rule Close_Date_In_Future`, `duplicate rule Same_Email`."""
        own = self.name.partition(":")[2] or self.name
        if self.kind is RuleKind.AUTOMATION:
            return own.replace(".", " ", 1)
        return f"{_TITLES.get(self.kind, 'rule')} {own}"

    @property
    def refuses(self) -> bool:
        """True if the CRM rejects at least some writes that break the rule."""
        if not self.active or self.kind is RuleKind.AUTOMATION:
            return False
        effects = {self.on_create, self.on_update}
        return self.kind is not RuleKind.DUPLICATES or effects != {"report"}

    @property
    def place(self) -> str | None:
        """The single field that the rule is about; None for several fields or the record."""
        if self.field is not None:
            return self.field
        return self.fields[0] if len(self.fields) == 1 else None

    @property
    def demand(self) -> str:
        """The rule's demand in words: `required when dealstage is closedwon`."""
        if self.kind is RuleKind.VALIDATION:
            message = f": {self.message.rstrip('.')}" if self.message else ""
            return f"checked by rule {self.name}{message}"
        if self.kind is RuleKind.REQUIRED:
            return "required on every write"
        if self.kind is RuleKind.CONDITIONAL:
            return f"required when {self.expression or self.message or 'a condition is met'}"
        if self.kind is RuleKind.DUPLICATES:
            return f"compared with other records by {self.title}"
        if self.kind is RuleKind.AUTOMATION:
            return f"may be filled or changed by {self.title}"
        if self.kind is RuleKind.PIPELINE:
            return _pipeline_demand(self.expression, self.message)
        return _value_demand(self.expression) or self.message or f"must pass {self.name}"


_TITLES = {
    RuleKind.DUPLICATES: "duplicate rule",
    RuleKind.PIPELINE: "pipeline rule",
}
RULE_WORDS = {
    RuleKind.REQUIRED.value: "requirements of create forms",
    RuleKind.CONDITIONAL.value: "conditional requirements",
    RuleKind.VALUES.value: "rules about values",
    RuleKind.VALIDATION.value: "validation rules",
    RuleKind.DUPLICATES.value: "duplicate rules",
    RuleKind.PIPELINE.value: "pipeline rules",
    RuleKind.AUTOMATION.value: "flows and triggers",
    "recordTypes": "picklist values of record types",
    "user": "permissions of this connection's user",
}
"""The kinds of rules, and what else `ObjectSchema.not_read` names, in words."""
FIRST_KINDS = frozenset(
    {RuleKind.REQUIRED, RuleKind.CONDITIONAL, RuleKind.VALUES, RuleKind.VALIDATION}
)
"""The kinds that a schema without `not_read` covers."""

_VALUE_RULE = re.compile(r"([A-Z_]+)\((.*)\)", re.DOTALL)
# HubSpot's "Property validations": the most common rule types. Others are shown verbatim.
_VALUE_DEMANDS = {
    "MIN_NUMBER": "must be at least {0}",
    "MAX_NUMBER": "must be at most {0}",
    "MIN_LENGTH": "must have at least {0} characters",
    "MAX_LENGTH": "must have at most {0} characters",
    "REGEX": "must match {0}",
    "DECIMAL": "must have at most {0} decimals",
    "ALPHANUMERIC": "must contain only letters and digits ({0})",
}
_DIGITS_ONLY = "ALPHANUMERIC(NUMERIC_ONLY)"


def _value_demand(expression: str) -> str:
    """Return the demand of a rule about values: `must be at least 0` for `MIN_NUMBER(0)`."""
    if expression == _DIGITS_ONLY:
        return "must contain only digits"
    match = _VALUE_RULE.fullmatch(expression)
    if match is None or match[1] not in _VALUE_DEMANDS:
        return f"must pass {expression}" if expression else ""
    return _VALUE_DEMANDS[match[1]].format(match[2])


_PIPELINE_DEMANDS = {
    "CREATE_IN": "can only be {0} in a new record",
    "NO_SKIPPING": "can't skip {0}",
    "NO_BACKWARDS": "can't move back from {0}",
    "APPROVAL": "needs an approval for {0}",
}


def _pipeline_demand(expression: str, stages: str) -> str:
    """Return the demand of a pipeline rule: `can't skip Contract Sent` for `NO_SKIPPING(...)`."""
    match = _VALUE_RULE.fullmatch(expression)
    if match is None or match[1] not in _PIPELINE_DEMANDS:
        return f"must pass {expression}"
    return _PIPELINE_DEMANDS[match[1]].format(stages or "any stage")


class ObjectFacts(WireModel):
    """What one refresh read of an object type itself; None means unknown.

    `createable`, `updateable`, `deletable` and `queryable` are for the sync user if `sync_user` is
    set, and otherwise for crmdeck's own user. `rules`
    are None if none of them could be read. `not_read` has the reason for each kind of rule that is
    unknown, and for `recordTypes` (their picklist values) and `user`; it is None in a schema from
    before crmdeck read these. `user` has the facts about this connection's user that the object's
    rules read, by the lower-case name in a formula, such as `$profile.name`.
    """

    object_type: str
    label: str = ""
    custom: Flag | None = None
    plural: str | None = None
    createable: Flag | None = None
    updateable: Flag | None = None
    deletable: Flag | None = None
    queryable: Flag | None = None
    custom_setting: Flag | None = None
    field_sets: dict[str, tuple[str, ...]] | None = None
    record_types: tuple[RecordType, ...] | None = None
    rules: tuple[Rule, ...] | None = None
    not_read: dict[str, str] | None = None
    user: dict[str, bool | str] | None = None
    sync_user: UserAccess | None = pydantic.Field(None, exclude_if=lambda user: user is None)


class ObjectSchema(ObjectFacts):
    """An object type with all its fields, as one refresh read it."""

    fields: tuple[Field, ...] = ()
    native: dict[str, object] = pydantic.Field(default_factory=dict)

    @property
    def known_kinds(self) -> frozenset[RuleKind]:
        """The kinds of rules that `rules` lists in full."""
        if self.rules is None:
            return frozenset()
        if self.not_read is None:
            return FIRST_KINDS
        return frozenset(kind for kind in RuleKind if kind not in self.not_read)


class Scope(WireModel):
    """What a refresh reads; stored with each snapshot.

    `include` names the object types of the mode `named`, and widens `mappable`. `exclude`
    narrows every mode. `without_rules` names the kinds of rules to leave out.
    """

    mode: ScopeMode = ScopeMode.MAPPABLE
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    without_rules: tuple[str, ...] = ()

    def spelled_as(self, names: Iterable[str]) -> Scope:
        """Return the scope with its names as `names` spell them, for CRMs that ignore case."""
        own = {name.casefold(): name for name in names}
        include, exclude = (
            tuple(own.get(name.casefold(), name) for name in each)
            for each in (self.include, self.exclude)
        )
        return self.model_copy(update={"include": include, "exclude": exclude})


class SnapshotInfo(WireModel):
    """A snapshot without its fields. Never changed once written.

    `object_hash` is None in a snapshot from before crmdeck read object attributes, `rules_hash`
    also if the rules couldn't be read.
    """

    id: str
    connection_id: str
    refresh_id: str
    object_type: str
    label: str = ""
    custom: bool | None = None
    field_count: int
    custom_field_count: int = 0
    schema_hash: str
    structural_hash: str
    object_hash: str | None = None
    rules_hash: str | None = None
    content_hash: str
    discovered_at: UtcTime
    expires_at: UtcTime


class Snapshot(WireModel):
    """A snapshot with its fields."""

    info: SnapshotInfo
    content: ObjectSchema

    @property
    def fields(self) -> tuple[Field, ...]:
        """The fields in the order of the CRM."""
        return self.content.fields

    @property
    def native(self) -> dict[str, object]:
        """The CRM's other attributes of the object type, verbatim."""
        return self.content.native


class ObjectSummary(WireModel):
    """An object in `GET /integrations/{id}/schema`.

    `content_hash` covers everything that a refresh read, rules included; `schema_hash` the fields.
    """

    object_type: str
    label: str
    custom: bool | None
    field_count: int
    schema_hash: str
    content_hash: str | None = None
    discovered_at: UtcTime
    expires_at: UtcTime
    is_stale: bool


class SchemaSummary(WireModel):
    """The response of `GET /integrations/{id}/schema`.

    `next_cursor` is in a page that isn't the last one.
    """

    objects: tuple[ObjectSummary, ...]
    next_cursor: str | None = pydantic.Field(None, exclude_if=lambda cursor: cursor is None)

    def page(self, limit: int, after: str | None = None) -> SchemaSummary:
        """Return at most `limit` objects by name, from the first one after the name `after`."""
        named = sorted(self.objects, key=lambda each: each.object_type)
        left = [each for each in named if after is None or each.object_type > after]
        return SchemaSummary(
            objects=tuple(left[:limit]),
            next_cursor=left[limit - 1].object_type if len(left) > limit else None,
        )


class ObjectDetail(ObjectFacts):
    """The response of `GET /integrations/{id}/schema?objectType=T`, and of `export --what schema`.

    It has everything that a refresh read.
    """

    native: dict[str, object] = pydantic.Field(default_factory=dict)
    schema_hash: str
    discovered_at: UtcTime
    expires_at: UtcTime
    is_stale: bool
    fields: tuple[Field, ...]
    next_cursor: str | None = pydantic.Field(None, exclude_if=lambda cursor: cursor is None)

    def page(self, limit: int, after: str | None = None) -> ObjectDetail:
        """Return the object with at most `limit` fields, those after the field named `after`.

        Raises NotFoundError without such a field.
        """
        names = [field.name for field in self.fields]
        if after is not None and after not in names:
            raise NotFoundError(
                "The cursor is invalid.",
                remedy="Use the cursor of the last response, or none.",
                code="CURSOR_NOT_FOUND",
            )
        first = 0 if after is None else names.index(after) + 1
        end = first + limit
        following = names[end - 1] if end < len(names) else None
        return self.model_copy(update={"fields": self.fields[first:end], "next_cursor": following})


class SchemaStats(WireModel):
    """Counts of the cached schemas of a connection."""

    object_count: int = 0
    field_count: int = 0
    custom_field_count: int = 0
    stale_object_count: int = 0
    failed_object_count: int = 0
    last_discovered_at: UtcTime | None = None
    next_expiry_at: UtcTime | None = None
