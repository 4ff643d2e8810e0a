"""HubSpot's errors."""

from __future__ import annotations

from crmdeck.sandbox.messages import Reply, reply

CORRELATION = "5a6b1c1e-3f0d-4a57-9d5c-0d3f2b1c7e90"
_MESSAGES = {
    "INVALID_AUTHENTICATION": "Authentication credentials not found. This API supports OAuth 2.0 "
    "authentication and you can find more details at "
    "https://developers.hubspot.com/docs/methods/auth/oauth-overview",
    "MISSING_SCOPES": "This app hasn't been granted all required scopes to make this call.",
    "RATE_LIMITS": "You have reached your secondly limit.",
    "OBJECT_NOT_FOUND": "resource not found",
}


def error(status: int, category: str, message: str | None = None, **more: object) -> Reply:
    return reply(
        {
            "status": "error",
            "message": message or _MESSAGES.get(category, "internal error"),
            "correlationId": CORRELATION,
            "category": category,
            **more,
        },
        status,
    )
