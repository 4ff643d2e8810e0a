"""Where one signs in to Salesforce: production, a sandbox, or the org's My Domain."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from crmdeck.errors import UsageError

LOGIN_HOSTS = {
    "production": "https://login.salesforce.com",
    "sandbox": "https://test.salesforce.com",
}
_NAME = re.compile(r"[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?(?::\d{1,5})?")
# What the address bar shows of an org, and the host that its API is at.
_PAGES = (".lightning.force.com", ".my.salesforce-setup.com")


def login_url(host: str) -> str:
    """Return the URL to sign in at: for `production`, `sandbox`, a My Domain host or its URL.

    A URL from the address bar of the org is taken for its My Domain. Raises UsageError.
    """
    text = host.strip()
    if text.lower() in LOGIN_HOSTS:
        return LOGIN_HOSTS[text.lower()]
    parts = urlsplit(text if "://" in text else f"https://{text}")
    name = parts.netloc.lower()
    if parts.scheme != "https" or not _NAME.fullmatch(name) or "." not in name:
        raise UsageError(
            f"'{host}' is not a place to sign in at.",
            remedy="Use production, sandbox, or the org's My Domain: acme.my.salesforce.com",
            code="BAD_LOGIN_HOST",
        )
    for page in _PAGES:
        if name.endswith(page):
            name = name.removesuffix(page) + ".my.salesforce.com"
    return f"https://{name}"


def is_login_host(url: str) -> bool:
    """Return whether `url` is where everybody signs in, and so not one org's own."""
    return url.rstrip("/") in LOGIN_HOSTS.values()
