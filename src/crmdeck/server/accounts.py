"""Users, organizations, and the connections of each organization."""

from __future__ import annotations

import re
from pathlib import Path

from pydantic import AliasChoices, Field

from crmdeck.errors import ConflictError, NotFoundError, UsageError
from crmdeck.model import Role, WireModel
from crmdeck.server.documents import document
from crmdeck.workspace import Workspace

ACCOUNTS_FILE = "users.json"
DEFAULT_ORGANIZATION = "main"
SHORTEST_PASSWORD = 12
# On zxcvbn's scale from 0 to 4: below this, fewer than a hundred million guesses are enough. zxcvbn
# reads only so many characters.
_LEAST_SCORE, _LOOKED_AT = 3, 72
_LONGEST = 254

_ORGANIZATION = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+")


class Organization(WireModel):
    """A group of users, and the IDs of the connections that they share; None: all."""

    id: str
    connections: tuple[str, ...] | None = None

    def has(self, connection_id: str) -> bool:
        """True if a connection belongs to this organization."""
        return self.connections is None or connection_id in self.connections


class User(WireModel):
    """A user; `organizations` are IDs, `password_hash` is argon2's format."""

    email: str
    password_hash: str
    role: Role = Role.MEMBER
    organizations: tuple[str, ...] = Field(
        default=(DEFAULT_ORGANIZATION,),
        validation_alias=AliasChoices("organizations", "organisations"),
    )


class AccountBook(WireModel):
    organizations: tuple[Organization, ...] = Field(
        default=(Organization(id=DEFAULT_ORGANIZATION),),
        validation_alias=AliasChoices("organizations", "organisations"),
    )
    users: tuple[User, ...] = ()

    def user(self, email: str) -> User | None:
        """Return the user with that email address, in any case."""
        wanted = email.strip().casefold()
        return next((user for user in self.users if user.email == wanted), None)

    def organization(self, name: str) -> Organization | None:
        return next((each for each in self.organizations if each.id == name), None)

    def organizations_of(self, user: User) -> tuple[Organization, ...]:
        """Return a user's organizations, without removed ones."""
        return tuple(each for each in self.organizations if each.id in user.organizations)


class Accounts:
    """The users and organizations of a workspace, in `users.json` in its folder or database."""

    def __init__(self, place: Path | Workspace) -> None:
        self._document = document(place, ACCOUNTS_FILE, AccountBook())

    def book(self) -> AccountBook:
        """Return the current users and organizations."""
        return self._document.read()

    def user(self, email: str) -> User:
        """Return a user; raises NotFoundError."""
        return _require_user(self.book(), email)

    def add_user(
        self,
        email: str,
        password: str,
        *,
        role: Role = Role.MEMBER,
        organizations: tuple[str, ...] = (DEFAULT_ORGANIZATION,),
    ) -> User:
        """Add a user.

        Raises UsageError for an invalid address or password, ConflictError for an address in use,
        NotFoundError for an unknown organization.
        """
        from crmdeck.server.passwords import hash_password

        address = _checked_email(email)
        user = User(
            email=address,
            password_hash=hash_password(_checked_password(password, address)),
            role=role,
            organizations=organizations,
        )

        def update(book: AccountBook) -> AccountBook:
            if book.user(user.email) is not None:
                raise ConflictError(
                    f"{user.email} is a user already.",
                    remedy="Change the password or role: crmdeck serve users set EMAIL",
                    code="USER_EXISTS",
                )
            for name in organizations:
                _require_organization(book, name)
            return book.model_copy(update={"users": (*book.users, user)})

        self._document.change(update)
        return user

    def change_user(
        self,
        email: str,
        *,
        password: str | None = None,
        role: Role | None = None,
        organizations: tuple[str, ...] | None = None,
    ) -> User:
        """Change what is given; a new password ends the user's sessions.

        Raises NotFoundError for an unknown user or organization, UsageError for an invalid
        password.
        """
        from crmdeck.server.passwords import hash_password

        given: dict[str, object] = {"role": role, "organizations": organizations}
        if password is not None:
            given["password_hash"] = hash_password(_checked_password(password, email))
        changes = {name: value for name, value in given.items() if value is not None}

        def update(book: AccountBook) -> AccountBook:
            user = _require_user(book, email)
            for name in organizations or ():
                _require_organization(book, name)
            changed = user.model_copy(update=changes)
            users = tuple(changed if each.email == user.email else each for each in book.users)
            return book.model_copy(update={"users": users})

        return _require_user(self._document.change(update), email)

    def remove_user(self, email: str) -> User:
        """Remove a user and end their sessions; raises NotFoundError."""
        removed: list[User] = []

        def update(book: AccountBook) -> AccountBook:
            user = _require_user(book, email)
            removed.append(user)
            left = tuple(each for each in book.users if each.email != user.email)
            return book.model_copy(update={"users": left})

        self._document.change(update)
        return removed[0]

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
            members = [user.email for user in book.users if name in user.organizations]
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
    from zxcvbn import zxcvbn

    if len(password) < SHORTEST_PASSWORD:
        raise UsageError(
            "The password is too short.",
            remedy=f"Use at least {SHORTEST_PASSWORD} characters.",
            code="WEAK_PASSWORD",
        )
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
