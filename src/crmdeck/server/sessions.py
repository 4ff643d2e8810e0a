"""Sessions: which user is signed in, and in which organization.

They are stored in a private file, or in a team's database, so that a restart signs no one out:
consoles and nightly jobs keep their cookie and not their password. Only the SHA-256 of each token
is stored; a token has 256 random bits, so that is enough.
"""

from __future__ import annotations

import hashlib
import secrets
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

from pydantic import AliasChoices, Field

from crmdeck.clock import Clock, utc_now
from crmdeck.errors import CrmdeckError
from crmdeck.model import UtcTime, WireModel
from crmdeck.server.accounts import AccountBook, User
from crmdeck.server.addresses import rate_limit_key
from crmdeck.server.documents import document
from crmdeck.workspace import Workspace

SESSIONS_FILE = "sessions.json"
LIFETIME = timedelta(days=7)
IDLE = timedelta(days=2)
MOST_PER_USER = 50
DEVICE_LIFETIME = timedelta(days=180)
ADMISSION_LIFETIME = timedelta(hours=1)
MOST_DEVICES = 20
# Use is recorded this many times during the idle limit.
_NOTES = 20


class Session(WireModel):
    """A sign-in. `proof` ties it to the password: a new password ends the session.

    `address` is the client's address, as `rate_limit_key` returns it.
    """

    token_hash: str
    email: str
    proof: str
    active_organization: str | None = Field(
        default=None,
        validation_alias=AliasChoices("activeOrganization", "activeOrganisation"),
    )
    address: str = ""
    created_at: UtcTime
    expires_at: UtcTime
    used_at: UtcTime | None = None


class Device(WireModel):
    """A browser or program from which a user signed in before. It proves nothing else."""

    token_hash: str
    email: str
    expires_at: UtcTime


class _SessionBook(WireModel):
    sessions: tuple[Session, ...] = ()
    devices: tuple[Device, ...] = ()


class Sessions:
    """The sessions of all servers of a workspace, in `sessions.json` or in its database."""

    def __init__(
        self,
        place: Path | Workspace,
        *,
        lifetime: timedelta = LIFETIME,
        idle: timedelta = IDLE,
        clock: Clock = utc_now,
    ) -> None:
        self._document = document(place, SESSIONS_FILE, _SessionBook())
        self._lifetime = lifetime
        self._idle = idle
        self._clock = clock

    def start(
        self,
        user: User,
        active_organization: str | None,
        address: str = "",
        hours: float | None = None,
        *,
        instead_of: str | None = None,
    ) -> tuple[str, Session]:
        """Sign a user in; return the token for the cookie, and the session.

        `hours` is its longest lifetime. The session of the token `instead_of` ends.
        """
        token = secrets.token_urlsafe(32)
        now = self._clock()
        lifetime = self._lifetime if hours is None else min(self._lifetime, timedelta(hours=hours))
        session = Session(
            token_hash=digest(token),
            email=user.email,
            proof=digest(user.proof),
            active_organization=active_organization,
            address=rate_limit_key(address),
            created_at=now,
            expires_at=now + lifetime,
            used_at=now,
        )

        def update(book: _SessionBook) -> _SessionBook:
            alive = [each for each in book.sessions if self._alive(each)]
            # A session that is used moves to the end, so the first ones are idle longest.
            mine = [each for each in alive if each.email == user.email]
            surplus = max(0, len(mine) - MOST_PER_USER + 1)
            dropped = {each.token_hash for each in mine[:surplus]} | {digest(instead_of or "")}
            kept = [each for each in alive if each.token_hash not in dropped]
            return book.model_copy(update={"sessions": (*kept, session)})

        self._document.change(update)
        return token, session

    def find(self, token: str, book: AccountBook) -> tuple[Session, User] | None:
        """Return the session of a token and its user.

        None if it expired, the user was removed, or the password has changed since.
        """
        wanted = digest(token)
        for session in self._document.read().sessions:
            # A hash needs no comparison in constant time: no guess is partly right.
            if session.token_hash == wanted:
                user = book.user(session.email)
                if user is None or not self._alive(session):
                    return None
                if session.proof != digest(user.proof):
                    return None
                return self._used(session), user
        return None

    def trust(self, user: User, lifetime: timedelta = DEVICE_LIFETIME) -> str:
        """Return a token that proves from now on that the user signed in from this device."""
        token = secrets.token_urlsafe(32)
        now = self._clock()
        device = Device(token_hash=digest(token), email=user.email, expires_at=now + lifetime)

        def update(book: _SessionBook) -> _SessionBook:
            alive = [each for each in book.devices if each.expires_at > now]
            mine = [each for each in alive if each.email == user.email]
            dropped = mine[: max(0, len(mine) - MOST_DEVICES + 1)]
            kept = [each for each in alive if each not in dropped]
            return book.model_copy(update={"devices": (*kept, device)})

        self._document.change(update)
        return token

    def trusted(self, token: str | None, email: str) -> str | None:
        """Return the key that counts a known device; None for an unknown device."""
        key, wanted = digest(token or ""), email.strip().casefold()
        now = self._clock()
        for each in self._document.read().devices:
            if (each.token_hash, each.email) == (key, wanted) and each.expires_at > now:
                return key
        return None

    def switch(self, session: Session, organization: str) -> Session:
        """Make an organization active in a session."""
        changed = session.model_copy(update={"active_organization": organization})
        self._replace(session, (changed,))
        return changed

    def end(self, session: Session) -> None:
        self._replace(session, ())

    def end_all(self, email: str) -> int:
        """Sign a user out everywhere; return how many sessions there were."""
        ended = 0

        def update(book: _SessionBook) -> _SessionBook:
            nonlocal ended
            left = tuple(each for each in book.sessions if each.email != email)
            ended = len(book.sessions) - len(left)
            devices = tuple(each for each in book.devices if each.email != email)
            return _SessionBook(sessions=left, devices=devices)

        self._document.change(update)
        return ended

    def knows(self, email: str, address: str) -> bool:
        """True if a user is signed in from an address."""
        wanted, place = email.strip().casefold(), rate_limit_key(address)
        return any(
            (each.email, each.address) == (wanted, place) and self._alive(each)
            for each in self._document.read().sessions
        )

    def _alive(self, session: Session) -> bool:
        now = self._clock()
        used = session.used_at or session.created_at
        return session.expires_at > now and used + self._idle > now

    def _used(self, session: Session) -> Session:
        now = self._clock()
        if now - (session.used_at or session.created_at) < self._idle / _NOTES:
            return session
        used = session.model_copy(update={"used_at": now})
        # A read-only workspace can't record it. The session is valid all the same.
        with suppress(CrmdeckError):
            self._replace(session, (used,))
        return used

    def _replace(self, session: Session, by: tuple[Session, ...]) -> None:
        def update(book: _SessionBook) -> _SessionBook:
            # A session that ended in the meantime must not come back.
            there = any(each.token_hash == session.token_hash for each in book.sessions)
            others = [each for each in book.sessions if each.token_hash != session.token_hash]
            return book.model_copy(update={"sessions": (*others, *(by if there else ()))})

        self._document.change(update)


def digest(secret: str) -> str:
    """Return the SHA-256 (hex) under which a secret is stored."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()
