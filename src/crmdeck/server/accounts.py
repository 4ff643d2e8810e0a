"""Users, organizations, and the connections of each organization."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from pydantic import AliasChoices, Field, model_validator

from crmdeck.errors import ConflictError, NotFoundError, UsageError
from crmdeck.model import Role, WireModel
from crmdeck.server.documents import document
from crmdeck.server.passwords import hash_password
from crmdeck.workspace import Workspace

ACCOUNTS_FILE = "users.json"
DEFAULT_ORGANIZATION = "main"
SHORTEST_PASSWORD = 12
# On zxcvbn's scale from 0 to 4: below this, fewer than a hundred million guesses are enough. zxcvbn
# reads only so many characters.
_LEAST_SCORE, _LOOKED_AT = 3, 72
# RFC 5321, section 4.5.3.1.3: a path has 256 characters, two of them angle brackets.
_LONGEST = 254

_ORGANIZATION = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+")


class Organization(WireModel):
    """A group of users, and the IDs of the connections that they share; None: all.

    Without a list, `main` has those that no other organization lists.
    """

    id: str
    connections: tuple[str, ...] | None = None
    given_away: frozenset[str] = Field(default=frozenset(), exclude=True)

    def has(self, connection_id: str) -> bool:
        """True if a connection belongs to this organization."""
        if self.connections is None:
            return connection_id not in self.given_away
        return connection_id in self.connections


class User(WireModel):
    """A user; `roles` are by organization ID, `password_hash` is argon2's format.

    A user of an identity provider has `issuer` and `subject`, which never change.
    """

    email: str
    password_hash: str | None = None
    issuer: str | None = None
    subject: str | None = None
    roles: dict[str, Role] = Field(default_factory=dict)

    @property
    def proof(self) -> str:
        """The text that a session is tied to: a change signs the user out."""
        return self.password_hash or f"{self.issuer} {self.subject}"


class AccountBook(WireModel):
    organizations: tuple[Organization, ...] = Field(
        default=(Organization(id=DEFAULT_ORGANIZATION),),
        validation_alias=AliasChoices("organizations", "organisations"),
    )
    users: tuple[User, ...] = ()

    @model_validator(mode="before")
    @classmethod
    def _give_roles(cls, data: object) -> object:
        """Accept users with one role for all organizations; the first of them becomes an admin."""
        if not isinstance(data, Mapping):
            return data
        users = data.get("users", ())
        if not users or any(not isinstance(user, Mapping) or "roles" in user for user in users):
            return data
        given = []
        for number, user in enumerate(users):
            names = user.get("organizations") or user.get("organisations")
            role = user.get("role", Role.MEMBER) if number else Role.ADMIN
            given.append({**user, "roles": dict.fromkeys(names or (DEFAULT_ORGANIZATION,), role)})
        return {**data, "users": given}

    def user(self, email: str) -> User | None:
        """Return the user with that email address, in any case."""
        wanted = email.strip().casefold()
        return next((user for user in self.users if user.email == wanted), None)

    def organization(self, name: str) -> Organization | None:
        found = next((each for each in self.organizations if each.id == name), None)
        return found and self._without_given_away(found)

    def organizations_of(self, user: User) -> tuple[Organization, ...]:
        """Return a user's organizations, without removed ones."""
        return tuple(
            self._without_given_away(each) for each in self.organizations if each.id in user.roles
        )

    def _without_given_away(self, organization: Organization) -> Organization:
        if organization.id != DEFAULT_ORGANIZATION or organization.connections is not None:
            return organization
        given = {key for each in self.organizations for key in each.connections or ()}
        return organization.model_copy(update={"given_away": frozenset(given)})


class Accounts:
    """The users and organizations of a workspace, in `users.json` in its folder or database."""

    def __init__(self, place: Path | Workspace) -> None:
        self._place = place
        self._document = document(place, ACCOUNTS_FILE, AccountBook())

    def book(self) -> AccountBook:
        return self._document.read()

    def user(self, email: str) -> User:
        """Return a user; raises NotFoundError."""
        return _require_user(self.book(), email)

    def organization(self, name: str) -> Organization:
        """Return an organization; raises NotFoundError."""
        return _require_organization(self.book(), name)

    def add_user(
        self,
        email: str,
        password: str,
        *,
        role: Role | None = None,
        organizations: Sequence[str] = (DEFAULT_ORGANIZATION,),
    ) -> User:
        """Add a user.

        An organization is its name, or NAME:ROLE. The default role is member, for the first user
        admin. Raises UsageError for an invalid address, password or role, ConflictError for an
        address in use, NotFoundError for an unknown organization.
        """
        address = _checked_email(email)
        # Outside the change: hashing takes long, and would hold up every other change.
        password_hash = hash_password(_checked_password(password, address))

        def update(book: AccountBook) -> AccountBook:
            if book.user(address) is not None:
                raise ConflictError(
                    f"{address} is already a user.",
                    remedy="Change the password or role: crmdeck serve users set EMAIL",
                    code="USER_EXISTS",
                )
            usual = role or (Role.MEMBER if book.users else Role.ADMIN)
            roles = {name: each or usual for name, each in roles_of(organizations).items()}
            _require_organizations(book, roles)
            user = User(email=address, password_hash=password_hash, roles=roles)
            return book.model_copy(update={"users": (*book.users, user)})

        user = _require_user(self._document.change(update), address)
        self._record("access.user_added", f"Added {user.email}: {described_roles(user)}.", user)
        return user

    def change_user(
        self,
        email: str,
        *,
        password: str | None = None,
        role: Role | None = None,
        organizations: Sequence[str] | None = None,
    ) -> User:
        """Change what is given; a new password ends the user's sessions.

        `role` applies to all organizations of the user, except those given as NAME:ROLE. Raises
        NotFoundError for an unknown user or organization, UsageError for an invalid password or
        role.
        """
        given: dict[str, object] = {}
        if password is not None:
            given["password_hash"] = hash_password(_checked_password(password, email))

        def update(book: AccountBook) -> AccountBook:
            user = _require_user(book, email)
            roles = dict(user.roles)
            if organizations is not None:
                roles = {
                    name: each or role or roles.get(name, Role.MEMBER)
                    for name, each in roles_of(organizations).items()
                }
                _require_organizations(book, roles)
            elif role is not None:
                roles = dict.fromkeys(roles, role)
            changed = user.model_copy(update={**given, "roles": roles})
            users = tuple(changed if each.email == user.email else each for each in book.users)
            return book.model_copy(update={"users": users})

        user = _require_user(self._document.change(update), email)
        new = " with a new password" if password is not None else ""
        self._record(
            "access.user_changed", f"Changed {user.email}{new}: {described_roles(user)}.", user
        )
        return user

    def admit(self, issuer: str, subject: str, email: str, roles: Mapping[str, Role]) -> User:
        """Add or update the user of an identity provider, and return them.

        Raises UsageError for an invalid address, ConflictError if another account has it.
        """
        address = _checked_email(email)

        def known(book: AccountBook) -> User | None:
            for each in book.users:
                if (each.issuer, each.subject) == (issuer, subject):
                    return each
            return None

        def update(book: AccountBook) -> AccountBook:
            before = known(book)
            taken = book.user(address)
            if taken is not None and taken != before:
                raise ConflictError(
                    "Another account of this server has your email address.",
                    cause="An account with a password is never taken over.",
                    remedy="Ask the administrator of this server to remove that account.",
                    code="OIDC_EMAIL_TAKEN",
                )
            user = (before or User(email=address)).model_copy(
                update={
                    "email": address,
                    "issuer": issuer,
                    "subject": subject,
                    "roles": dict(roles),
                }
            )
            others = tuple(each for each in book.users if each != before)
            return book.model_copy(update={"users": (*others, user)})

        before = known(self.book())
        # Most sign-ins change nothing, and then need no turn at writing.
        if before is not None and (before.email, before.roles) == (address, dict(roles)):
            return before
        user = _require_user(self._document.change(update), address)
        event = "access.user_changed" if before else "access.user_added"
        self._record(event, f"Signed in {user.email}: {described_roles(user)}.", user)
        return user

    def remove_user(self, email: str) -> User:
        """Remove a user and end their sessions; raises NotFoundError."""
        user = self.user(email)

        def update(book: AccountBook) -> AccountBook:
            # Again: another administrator may have removed the user a moment ago.
            _require_user(book, email)
            left = tuple(each for each in book.users if each.email != user.email)
            return book.model_copy(update={"users": left})

        self._document.change(update)
        self._record("access.user_removed", f"Removed {user.email}.", user)
        return user

    def _record(self, event: str, summary: str, user: User) -> None:
        if isinstance(self._place, Workspace):
            self._place.audit.record(event, summary, {"email": user.email, "roles": user.roles})

    def set_organization(self, name: str, connections: tuple[str, ...] | None) -> Organization:
        """Create an organization, or replace its connections (None: all)."""
        if not _ORGANIZATION.fullmatch(name):
            raise UsageError(
                f"'{name}' can't be the name of an organization.",
                remedy="Use up to 64 lower-case letters, digits, '.', '-' and '_'.",
                code="BAD_NAME",
            )
        organization = Organization(id=name, connections=connections)

        def update(book: AccountBook) -> AccountBook:
            others = [each for each in book.organizations if each.id != name]
            ordered = sorted([*others, organization], key=lambda each: each.id)
            return book.model_copy(update={"organizations": tuple(ordered)})

        self._document.change(update)
        return organization

    def remove_organization(self, name: str) -> Organization:
        """Remove an organization; raises ConflictError if it has users."""
        removed: list[Organization] = []

        def update(book: AccountBook) -> AccountBook:
            removed.append(_require_organization(book, name))
            members = [user.email for user in book.users if name in user.roles]
            if members:
                raise ConflictError(
                    f"'{name}' has users: {', '.join(members[:5])}.",
                    remedy="Remove these users first, or move them to another organization.",
                    code="ORGANISATION_IN_USE",
                )
            left = tuple(each for each in book.organizations if each.id != name)
            return book.model_copy(update={"organizations": left})

        self._document.change(update)
        return removed[0]


def _require_user(book: AccountBook, email: str) -> User:
    user = book.user(email)
    if user is None:
        raise NotFoundError(
            f"No user with the address '{email}'.",
            remedy="List the users: crmdeck serve users list",
            code="USER_NOT_FOUND",
        )
    return user


def roles_of(organizations: Sequence[str]) -> dict[str, Role | None]:
    """Return the roles that texts name, each ORGANIZATION or ORGANIZATION:ROLE.

    Raises UsageError for an unknown role.
    """
    roles: dict[str, Role | None] = {}
    for text in organizations:
        name, _, role = text.partition(":")
        if role and role not in tuple(Role):
            raise UsageError(
                f"'{role}' isn't a role.",
                remedy=f"Use one of: {', '.join(Role)}",
                code="BAD_ROLE",
            )
        roles[name] = Role(role) if role else None
    return roles


def described_roles(user: User) -> str:
    """Return the roles of a user in words: `admin of main, viewer of acme`."""
    return ", ".join(f"{role} of {name}" for name, role in user.roles.items()) or "no organization"


def _require_organizations(book: AccountBook, names: Iterable[str]) -> None:
    for name in names:
        _require_organization(book, name)


def _require_organization(book: AccountBook, name: str) -> Organization:
    found = book.organization(name)
    if found is None:
        raise NotFoundError(
            f"No organization named '{name}'.",
            remedy=f"Create it: crmdeck serve organizations set {name} --connection NAME",
            code="ORGANISATION_NOT_FOUND",
        )
    return found


def _checked_email(email: str) -> str:
    address = email.strip().casefold()
    if not (_EMAIL.fullmatch(address) and address.isprintable() and len(address) <= _LONGEST):
        raise UsageError(f"'{email}' isn't an email address.", code="BAD_EMAIL")
    return address


def _checked_password(password: str, email: str) -> str:
    """Return the password; raises UsageError if it is too short or easy to guess."""
    # Loads lists of common words, which only a new password needs.
    from zxcvbn import zxcvbn

    if len(password) < SHORTEST_PASSWORD:
        raise UsageError(
            "The password is too short.",
            remedy=f"Use at least {SHORTEST_PASSWORD} characters.",
            code="WEAK_PASSWORD",
        )
    # An attacker knows the address, so its parts count as guessed.
    own = [part for part in re.split(r"[@.+_-]", email) if part]
    guessed = zxcvbn(password[:_LOOKED_AT], user_inputs=[email, *own, "crmdeck", "partneros"])
    if guessed["score"] < _LEAST_SCORE:
        raise UsageError(
            "The password is too easy to guess.",
            cause=guessed["feedback"]["warning"]
            or "The password is common, or consists of common words, your name or adjacent keys.",
            remedy="Use several unrelated words.",
            code="WEAK_PASSWORD",
        )
    return password
