"""Proposals: what a CRM field lacks for a PartnerOS field, and the files that change it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

from crmdeck.model.schema import Field, ObjectSchema, PicklistValue
from crmdeck.model.wire import WireModel


class ProposedKind(StrEnum):
    """What a proposal changes in the CRM."""

    NEW_FIELD = "new_field"
    LONGER_TEXT = "longer_text"
    WIDER_NUMBER = "wider_number"
    NEW_VALUES = "new_values"
    ACCESS = "access"


class ProposedChange(WireModel):
    """One change. `file` contains it; without a file, `note` explains what to do by hand.

    `summary` is the new type, length or values in words.
    """

    kind: ProposedKind
    partner_field: str
    crm_field: str | None
    summary: str
    file: str | None = None
    note: str | None = None


class ProposedFile(WireModel):
    """A file of a change; `path` is relative, with `/`."""

    path: str
    content: str


class Proposal(WireModel):
    """Changes of one CRM object, with the files to review and deploy. Nothing is deployed."""

    connection_id: str
    object_pair: str
    changes: tuple[ProposedChange, ...]
    files: tuple[ProposedFile, ...]


@dataclass(frozen=True, kw_only=True)
class Lack:
    """What the CRM lacks for a PartnerOS field.

    Without a `target`, the whole field. Else its `length`, its `precision` and `scale` (as the
    target needs them) or its picklist `values` are missing.
    """

    source: Field
    target: Field | None = None
    length: int | None = None
    precision: int | None = None
    scale: int | None = None
    values: tuple[PicklistValue, ...] = ()


@dataclass(frozen=True, kw_only=True)
class ChangeRequest:
    """A request for the files of a change.

    `origin` is the PartnerOS object. `access` has the letters of the permissions that the sync
    user lacks: by CRM field, and of the object itself under the empty name. `project` has the
    files of a retrieved project by their path, such as `objects/Lead/fields/A__c.field-meta.xml`.
    """

    origin: str
    schema: ObjectSchema
    lacks: tuple[Lack, ...]
    api_version: str | None = None
    access: Mapping[str, str] = field(default_factory=dict)
    sync_user: str | None = None
    project: Mapping[str, str] = field(default_factory=dict)


class ChangeFiles(NamedTuple):
    """A vendor's answer to a request; `deploy`, `undo` and `grant` are shell commands."""

    changes: tuple[ProposedChange, ...]
    files: tuple[ProposedFile, ...]
    deploy: tuple[str, ...]
    undo: tuple[str, ...]
    grant: tuple[str, ...] = ()
