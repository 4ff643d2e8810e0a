"""Facts about one CRM that the rest of crmdeck looks up, and the ways of signing in to it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from crmdeck.model.enums import Platform

if TYPE_CHECKING:
    from crmdeck.model.connection import Connection
    from crmdeck.model.proposal import ChangeFiles, ChangeRequest


def _wire(record: object) -> dict[str, object]:
    # The frame of the console loads this module, and needs no pydantic.
    from crmdeck.model.wire import wire_record

    return wire_record(record)


class Question(NamedTuple):
    """One value that a sign-in asks for; `name` is the name of the secret.

    `hidden`: don't show the value while the user types. `from_file`: the value is the path of a
    file. `lasting`: the value belongs to the app, so the next sign-in doesn't ask for it again.
    """

    name: str
    text: str
    hidden: bool = True
    required: bool = True
    from_file: bool = False
    lasting: bool = False

    def to_wire(self) -> dict[str, object]:
        """Return the record as JSON values under its wire names."""
        return _wire(self)


class Flow(NamedTuple):
    """One way to sign in. `own_host`: the flow needs the org's own URL, not a login host."""

    name: str
    title: str
    questions: tuple[Question, ...]
    browser: bool = False
    own_host: bool = False

    def to_wire(self) -> dict[str, object]:
        """Return the record as JSON values under its wire names."""
        return _wire(self)

    @property
    def names(self) -> frozenset[str]:
        """The names of all secrets that the flow asks for."""
        return frozenset(question.name for question in self.questions)

    def missing(self, given: Collection[str]) -> tuple[Question, ...]:
        """Return the required questions whose secret isn't in `given`."""
        return tuple(q for q in self.questions if q.required and q.name not in given)


class Ending(NamedTuple):
    """One thing that can end a connection with one of `flows`, and what to do before.

    `idle_days`: the connection ends after so many days without use of its refresh token. `source`
    is the vendor's page.
    """

    code: str
    flows: frozenset[str]
    message: str
    remedy: str
    source: str
    idle_days: int | None = None


class CrmPage(NamedTuple):
    """The address of a page in the CRM; `note` says what to search for on a less exact page."""

    url: str
    note: str = ""

    def to_wire(self) -> dict[str, object]:
        """Return the record as JSON values under its wire names."""
        return _wire(self)


@dataclass(frozen=True, kw_only=True, eq=False)
class WriteRules:
    """What a CRM does with values of each kind, whatever the field.

    `record_id` is the field with the ID of a record, and `id_pattern` matches the CRM's own IDs.
    `longest_text` bounds fields that state no length. `rounds`: extra decimals are rounded to the
    scale of the field. `cuts_time`: a date field drops a time of day. `refuses_outer_spaces`:
    around values that aren't text. `midnights_are_dates`: a date can be its midnight in UTC, also
    in milliseconds. `match_keys` are fields, by object, that identify a record without being
    unique. `requires_on_create`: required fields may be emptied later. `has_formulas`: validation
    rules are Salesforce formulas. `runs_automation`: flows and triggers run before rules are
    checked.
    """

    record_id: str = "Id"
    trims_text: bool = False
    longest_text: int | None = None
    id_pattern: str | None = None
    rounds: bool = False
    cuts_time: bool = False
    refuses_outer_spaces: bool = False
    midnights_are_dates: bool = False
    requires_on_create: bool = False
    match_keys: Mapping[str, frozenset[str]] = field(default_factory=dict)
    has_formulas: bool = False
    runs_automation: bool = False
    first_year: int = 1
    last_year: int = 9999


@dataclass(frozen=True, kw_only=True, eq=False)
class VendorProfile:
    """Everything vendor-specific that code outside the vendor's own packages needs.

    A fact that is left out means that the CRM has no such thing.
    """

    name: Platform
    title: str
    account: str = "account"
    """What the CRM calls one customer's system."""
    exports: str = "exported schemas"
    """What the files of a `files` connection to this CRM contain."""

    flows: tuple[Flow, ...] = ()
    """The ways to sign in, the usual one first."""
    login_hosts: Mapping[str, str] = field(default_factory=dict)
    """The shared sign-in addresses by short name, the default one first."""
    login_url: Callable[[str], str] | None = None
    """Turns a short name, a host or a copied address into a sign-in URL; raises UsageError."""
    own_url_example: str | None = None
    """An example of the URL that each account has for itself; None if all share one host."""
    retired_sign_in: str | None = None
    """Why the CRM offers no sign-in with a user name and password."""
    oauth_path: str | None = None
    """The dated path of the OAuth endpoints, as `retirements.toml` names it."""

    endings: tuple[Ending, ...] = ()
    """What can end a connection, the most likely first."""

    version_pattern: str | None = None
    """A regular expression for the API versions that a connection can pin."""
    version_example: str | None = None
    setup_page: Callable[[Connection, str | None, str | None], CrmPage | None] | None = None
    """The setup page of an object type, a field, or (both None) of the account.

    The result is None if the connection doesn't say which account to open.
    """
    no_setup_page: str = ""
    """The remedy if `setup_page` answers None; `{name}` stands for the connection."""

    always_stated: tuple[str, ...] = ()
    """The attributes (model names) that a full answer gives for every field."""
    states_length: bool = False
    """True if a full answer gives the length of text fields."""
    no_usage: str | None = None
    """Why the CRM can't be asked where a field is used."""

    companions: tuple[str, ...] = ()
    """The suffixes of objects that repeat the changes of a base object, such as `History`."""
    object_kinds: Mapping[str, str] = field(default_factory=dict)
    """The kinds of other special objects, by the ending of their names."""
    mirrored_fields: Mapping[tuple[str, str], str] = field(default_factory=dict)
    """Objects whose custom fields appear on another object, by that object and the suffix there."""
    schema_picklists: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """The picklists that list the schema itself, by object type, or `*` and its ending."""
    longest_custom_picklist: int | None = None
    """The most values that an admin's own picklist can have."""
    package_pattern: str | None = None
    """A regular expression for names from a managed package; its group is the namespace."""

    ignores_case: bool = False
    """True if the names of objects and fields differ only in more than their case."""
    read_access: str = "read access to the objects to map"
    """The permission without which crmdeck sees no objects."""
    rule_kinds: tuple[str, ...] = ()
    """The kinds of rules that cost calls of their own, and that a connection can leave out."""
    write_rules: WriteRules = WriteRules()
    """What the CRM does with the values of a write."""
    write_change: Callable[[ChangeRequest], ChangeFiles] | None = None
    """Writes the files of a change to the schema."""
