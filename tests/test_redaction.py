"""Secrets are taken out of any text, and nothing else is."""

from __future__ import annotations

import base64
import re
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmdeck.connectors.faults import load_faults
from crmdeck.connectors.http import check_origin
from crmdeck.errors import CrmdeckError, UsageError
from crmdeck.redaction import HIDDEN, redact, remember, vendor_code

SESSION = "00D5g00000XyZ1a!AQoAQFmGk3yT_9.vN2rQ8sLw5pXe1dC7bH4jK6mZ0uIoPaSd"
PRIVATE_KEY = "-----BEGIN RSA PRIVATE KEY-----\nMIIEowIBAAKCAQEA7\n-----END RSA PRIVATE KEY-----"
SHAPES = (
    (f"bad token {SESSION} here", SESSION),
    ("Authorization: Bearer abcdef1234567890", "abcdef1234567890"),
    ("sent cookie: session_token=Zm9vYmFyYmF6cXV4", "Zm9vYmFyYmF6cXV4"),
    ("grant_type=refresh_token&refresh_token=5Aep861abcdefghijklmnop&x=1", "5Aep861abcdefghi"),
    ('{"client_secret": "s3cr3t value", "a": 1}', "s3cr3t value"),
    ("postgresql://dana:hunter2@db.example/crm", "hunter2"),
    ("key pat-na1-1234abcd-12ab-34cd-56ef-1234567890ab is not valid", "1234abcd"),
    ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl", "c2lnbmF0dXJl"),
    ("posting to https://hooks.slack.com/services/T0/B0/abcDEF", "abcDEF"),
    ("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "MfKQ9r8G"),
    (f"key: {PRIVATE_KEY}", "MIIEowIBAAKCAQEA7"),
    ("stored $argon2id$v=19$m=65536,t=3,p=4$c2FsdA$aGFzaA", "aGFzaA"),
)
OPAQUE = (
    "7f3a9c1e5b2d4f608a7c9e1b3d5f7092",
    "3f2504e0-4f89-41d3-9a0c-0305e82c3301",
    "Zx81kQp0LmT7vR2yWc5nB9sJ4dHg6fKa",
)
HARMLESS = (
    "Deal_Registration_Stage_2025_Q1__c",
    "/services/data/v60.0/sobjects/Opportunity/describe",
    "https://acme-prod.my.salesforce.com",
    "crm.schemas.companies.read, crm.objects.line_items.read",
    "INSUFFICIENT_ACCESS_OR_READONLY",
    "Basic authentication is not supported.",
    "The token has ended; the password: see the manual.",
    "Set CRMDECK_ACME_PROD_CLIENT_SECRET in the environment.",
)


@pytest.mark.parametrize(("text", "secret"), SHAPES)
def test_secret_like_text_is_redacted(text: str, secret: str) -> None:
    assert secret not in redact(text)
    error = CrmdeckError(text, cause=text, remedy=text)
    assert secret not in "".join((str(error), repr(error), *error.args, *error.to_wire().values()))


@pytest.mark.parametrize("secret", OPAQUE)
def test_random_strings_in_foreign_text_are_redacted(secret: str) -> None:
    said = f"correlation {secret}, try again"
    assert redact(said) == said
    assert redact(said, foreign=True) == f"correlation {HIDDEN}, try again"


@pytest.mark.parametrize("text", HARMLESS)
def test_names_addresses_and_sentences_stay_as_they_are(text: str) -> None:
    assert redact(text, foreign=True) == text


@given(st.text(min_size=8, max_size=80).filter(lambda text: text.strip() and "\n" not in text))
def test_a_secret_in_use_is_found_in_whatever_form(secret: str) -> None:
    secret = "".join(secret.splitlines()).strip()
    secret = f"{secret}-is-a-secret"
    remember(secret)
    data, quoted = secret.encode(), quote(secret, safe="")
    forms = [secret, quoted, quote_plus(secret), data.hex(), base64.b64encode(data).decode()]
    forms += [re.sub("%..", lambda part: part[0].lower(), quoted), quote(forms[-1], safe="")]
    forms.append(base64.urlsafe_b64encode(data).decode())
    for form in forms:
        assert form not in redact(f"<<{form}>>")
    # As in the header `Authorization: Basic`, where other text is before and after it.
    for before in range(3):
        whole = base64.b64encode(b"u" * before + data + b"tail" * 3).decode()
        assert HIDDEN in redact(whole)
        assert whole[8 : 4 * len(data) // 3 - 4] not in redact(whole)
    if len(secret) > 40:
        assert secret[:30] not in redact(f"cut short: {secret[:32]}")


@given(st.text(max_size=2000), st.booleans())
def test_taking_out_ends_and_is_done_once_for_all(text: str, foreign: bool) -> None:
    once = redact(text, foreign=foreign)
    assert redact(once, foreign=foreign) == once


def test_every_code_of_the_tables_is_one_and_no_token_is() -> None:
    known = {
        code
        for vendor in ("salesforce", "hubspot", "partneros")
        for row in load_faults(vendor, "The CRM").rows
        for code in row.vendor_codes
    }
    assert {code for code in known if not vendor_code(code)} <= {"Bad_OAuth_Token", "access-denied"}
    wrong: object
    for wrong in (SESSION, *OPAQUE, "A" * 25, "A" * 61, "ABC DEF", "abc", "X1Y2Z3", "a\nb", "", {}):
        assert vendor_code(wrong) == ""


@pytest.mark.parametrize("secret", [SESSION, *OPAQUE, "AAAAAAAAAAAAAAAAAAAAAAAAAAAA"])
@pytest.mark.parametrize("vendor", ["salesforce", "hubspot", "partneros"])
def test_code_or_detail_that_is_a_token_is_hidden(vendor: str, secret: str) -> None:
    remember(secret)
    fault = load_faults(vendor, "The CRM").find(secret, secret, 403)
    assert secret not in str(fault.to_error(secret, f"It said {secret}."))


def test_org_url_has_only_a_host() -> None:
    remember("a-token-of-the-org-17")
    given_url = "https://user:pw@acme.my.salesforce.com/x?sid=a-token-of-the-org-17#y"
    assert check_origin(given_url) == "https://acme.my.salesforce.com"
    for wrong in ("https://a-token-of-the-org-17.example", "http://acme.example", "x"):
        with pytest.raises(UsageError) as caught:
            check_origin(wrong)
        assert not re.search("token-of-the-org", str(caught.value))


def test_secret_with_known_prefix_is_hidden_whole() -> None:
    remember("https://hooks.slack.com/services/T0/B0/known")
    assert "abcDEF" not in redact("posting to https://hooks.slack.com/services/T0/B0/abcDEF")
