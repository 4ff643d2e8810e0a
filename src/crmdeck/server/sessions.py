"""Sessions: who is signed in, and in which organisation.

They are kept in a private file, or in the database of a team, so that a restart does not sign
everybody out: the consoles and nightly jobs of a team keep their cookie and not their password,
and would all stand still. What is kept is only the SHA-256 of each token; a token has 256 random
bits, so nothing more is needed.
"""

from __future__ import annotations

import hashlib
import secrets
from datetime import timedelta
from pathlib import Path

from crmdeck.clock import Clock, utc_now
from crmdeck.model import UtcTime, WireModel
from crmdeck.server.accounts import AccountBook, User
from crmdeck.server.addresses import household
from crmdeck.server.documents import document
from crmdeck.workspace import Workspace

SESSIONS_FILE = "sessions.json"
LIFETIME = timedelta(days=7)
MOST_PER_USER = 50


class Session(WireModel):
    """One sign-in. `proof` ties it to the password that was used: a new one ends it.

    `address` is where it was made from, as `household` names it.
    """

    token_hash: str
    email: str
    proof: str
    active_organisation: str | None = None
    address: str = ""
    created_at: UtcTime
    expires_at: UtcTime


class _SessionBook(WireModel):
    sessions: tuple[Session, ...] = ()


class Sessions:
    """The sessions of all servers of a workspace, in `sessions.json` or in its database."""

    def __init__(
        self, place: Path | Workspace, *, lifetime: timedelta = LIFETIME, clock: Clock = utc_now
    ) -> None:
        self._document = document(place, SESSIONS_FILE, _SessionBook())
        self._lifetime = lifetime
        self._clock = clock

    def start(
        self, user: User, active_organisation: str | None, address: str = ""
    ) -> tuple[str, Session]:
        """Sign a user in; return the token for the cookie, and the session."""
        token = secrets.token_urlsafe(32)
        now = self._clock()
        session = Session(
            token_hash=_digest(token),
            email=user.email,
            proof=_digest(user.password_hash),
            active_organisation=active_organisation,
            address=household(address),
            created_at=now,
            expires_at=now + self._lifetime,
        )

        def update(book: _SessionBook) -> _SessionBook:
            alive = [each for each in book.sessions if each.expires_at > now]
            mine = [each for each in alive if each.email == user.email]
            surplus = max(0, len(mine) - MOST_PER_USER + 1)
            dropped = {each.token_hash for each in mine[:surplus]}
            kept = [each for each in alive if each.token_hash not in dropped]
            return _SessionBook(sessions=(*kept, session))

        self._document.change(update)
        return token, session

    def find(self, token: str, book: AccountBook) -> tuple[Session, User] | None:
        """Return the session of a token and its user.

        None where it has ended, the user is gone, or the password has changed since.
        """
        digest = _digest(token)
        for session in self._document.read().sessions:
            if session.token_hash == digest:
                user = book.user(session.email)
                if user is None or session.expires_at <= self._clock():
                    return None
                return (session, user) if session.proof == _digest(user.password_hash) else None
        return None

    def switch(self, session: Session, organisation: str) -> Session:
        """Make an organisation the active one of a session."""
        changed = session.model_copy(update={"active_organisation": organisation})
        self._replace(session, (changed,))
        return changed

    def end(self, session: Session) -> None:
        """Sign out."""
        self._replace(session, ())

    def end_all(self, email: str) -> int:
        """Sign a user out everywhere; return how many sessions there were."""
        ended = 0

        def update(book: _SessionBook) -> _SessionBook:
            nonlocal ended
            left = tuple(each for each in book.sessions if each.email != email)
            ended = len(book.sessions) - len(left)
            return _SessionBook(sessions=left)

        self._document.change(update)
        return ended

    def knows(self, email: str, address: str) -> bool:
        """Return whether a user is signed in from an address."""
        wanted, place, now = email.strip().casefold(), household(address), self._clock()
        return any(
            (each.email, each.address) == (wanted, place) and each.expires_at > now
            for each in self._document.read().sessions
        )

    def _replace(self, session: Session, by: tuple[Session, ...]) -> None:
        def update(book: _SessionBook) -> _SessionBook:
            there = any(each.token_hash == session.token_hash for each in book.sessions)
            others = [each for each in book.sessions if each.token_hash != session.token_hash]
            return _SessionBook(sessions=(*others, *(by if there else ())))

        self._document.change(update)


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()
