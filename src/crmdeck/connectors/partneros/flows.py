"""The ways to sign in to PartnerOS."""

from __future__ import annotations

from crmdeck.model import Flow, Question

FLOWS = (
    Flow(
        "password",
        "Email and password (crmdeck keeps the session, not the password)",
        (
            Question("username", "Email", hidden=False, lasting=True),
            Question("password", "Password"),
        ),
    ),
    Flow("session-token", "Session token", (Question("session_token", "Session token"),)),
)
