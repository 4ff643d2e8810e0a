"""Facts about Salesforce that code outside this package needs."""

from __future__ import annotations

import re
from urllib.parse import quote

from crmdeck.errors import UsageError
from crmdeck.formats.salesforce_change import write_change
from crmdeck.model import Connection, CrmPage, Ending, Flow, Question, VendorProfile, WriteRules
from crmdeck.text import split_url

LOGIN_HOSTS = {
    "production": "https://login.salesforce.com",
    "sandbox": "https://test.salesforce.com",
}
_HOST = re.compile(r"[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?(?::\d{1,5})?")
# The address bar of an org shows these hosts; the API is at the My Domain host.
_PAGE_HOSTS = (".lightning.force.com", ".my.salesforce-setup.com")
_CUSTOM = re.compile(r"__[a-z]+$")

_KEY = Question("client_id", "Consumer key of the app", hidden=False, lasting=True)
_SECRET = Question("client_secret", "Consumer secret of the app", lasting=True)
_MAYBE_SECRET = Question(
    "client_secret",
    "Consumer secret (leave empty if the app requires none)",
    required=False,
    lasting=True,
)
FLOWS = (
    Flow("browser", "Sign in with the browser", (_KEY, _MAYBE_SECRET), browser=True),
    Flow(
        "refresh-token",
        "Existing refresh token",
        (_KEY, _MAYBE_SECRET, Question("refresh_token", "Refresh token")),
    ),
    Flow(
        "jwt",
        "JWT bearer: the app's certificate and a preauthorized user",
        (
            _KEY,
            Question("username", "Salesforce user name", hidden=False, lasting=True),
            Question("private_key", "Private key of the certificate", from_file=True, lasting=True),
        ),
    ),
    Flow(
        "client-credentials",
        "Client credentials: the app runs as its own user",
        (_KEY, _SECRET),
        own_host=True,
    ),
    Flow(
        "access-token",
        "Access token and instance URL (not renewed)",
        (Question("access_token", "Access token"),),
        own_host=True,
    ),
)

_HELP = "https://help.salesforce.com/s/articleView?id="
_RENEWED = frozenset({"browser", "refresh-token"})
ENDINGS = (
    # The page dates the enforcement 2026-05-11; partners report suspensions from 2026-06-25 on.
    Ending(
        "TOKEN_IDLE",
        _RENEWED,
        "A partner's app loses its refresh token after 30 days without use (since 2026-05-11; "
        "other pages say 2026-06-25). Other apps follow their own policy.",
        "Refresh the connection at least every 30 days.",
        "https://developer.salesforce.com/docs/atlas.en-us.packagingGuide.meta/packagingGuide/secure_code_ac_eca.htm",
        idle_days=30,
    ),
    Ending(
        "TOKEN_SHARED",
        _RENEWED,
        "If the app rotates refresh tokens, each works once. Using an old one revokes the new one.",
        "Never share the token with another tool. Sign in separately for each.",
        f"{_HELP}005316711&type=1",
    ),
    Ending(
        "APPROVAL_LIMIT",
        _RENEWED,
        "A user has five approvals for each app. The next sign-in with the app revokes an older "
        "one.",
        "Give crmdeck an app or a user of its own.",
        f"{_HELP}platform.remoteaccess_request_approve.htm&type=5",
    ),
    Ending(
        "USER_FROZEN",
        frozenset(flow.name for flow in FLOWS),
        "Salesforce freezes users that connect through an anonymizing VPN or proxy, and revokes "
        "their refresh tokens (since 2026-04-24).",
        "Refresh from a stable address of your company, with a user of its own.",
        f"{_HELP}005318944&type=1",
    ),
)

# Object Reference for the Salesforce Platform: the picklists that list the org's own schema.
_SCHEMA_PICKLISTS = {
    "*History": {"Field"},
    "AIInsightAction": {"ActionName"},
    "AIInsightValue": {"Field", "SobjectType"},
    "AIRecordInsight": {"TargetField", "TargetSobjectType"},
    "ActionPlanTemplateItemValue": {"ItemEntityFieldName"},
    "ApexTrigger": {"TableEnumOrId"},
    "BriefcaseRule": {"OrderBy", "TargetEntity"},
    "BriefcaseRuleFilter": {"TargetEntityField"},
    "CalendarView": {"SobjectType"},
    "DataIntegrationRecordPurchasePermission": {"ExternalObject"},
    "DataStatistics": {"Type"},
    "EmailTemplate": {"RelatedEntityType"},
    "EventRelayConfig": {"EventChannel"},
    "FieldHistoryArchive": {"Field", "FieldHistoryType"},
    "FieldPermissions": {"Field", "SobjectType"},
    "ListView": {"SobjectType"},
    "ListViewChart": {"AggregateField", "GroupingField", "SobjectType"},
    "Macro": {"StartingContext"},
    "MacroInstruction": {"Target"},
    "MatchingRuleItem": {"Field"},
    "Name": {"Type"},
    "ObjectPermissions": {"SobjectType"},
    "ProcessDefinition": {"TableEnumOrId"},
    "PromptVersion": {"TargetPageKey1Ref"},
    "QueueSobject": {"SobjectType"},
    "RecAlrtDataSrcExpSetDef": {"ExpressionSetObject"},
    "RecentlyViewed": {"Type"},
    "RecordAction": {"ActionDefinition"},
    "RecordType": {"SobjectType"},
    "SlaProcess": {"SobjectType", "StartDateField"},
    "TimelineObjectDefinition": {"BaseObject"},
    "UserListView": {"SobjectType"},
    "WebLink": {"PageOrSobjectType"},
}


def login_url(host: str) -> str:
    """Return the URL to sign in at for `production`, `sandbox`, a My Domain host or its URL.

    An address copied from the org's address bar becomes its My Domain URL. Raises UsageError.
    """
    text = host.strip()
    if text.lower() in LOGIN_HOSTS:
        return LOGIN_HOSTS[text.lower()]
    parts = split_url(text if "://" in text else f"https://{text}")
    name = parts.netloc.lower()
    if parts.scheme != "https" or not _HOST.fullmatch(name) or "." not in name:
        raise UsageError(
            f"'{host}' isn't a Salesforce sign-in host.",
            remedy="Use production, sandbox, or the org's My Domain: acme.my.salesforce.com",
            code="BAD_LOGIN_HOST",
        )
    for page in _PAGE_HOSTS:
        if name.endswith(page):
            name = name.removesuffix(page) + ".my.salesforce.com"
    return f"https://{name}"


def setup_page(
    connection: Connection, object_type: str | None, field_name: str | None
) -> CrmPage | None:
    """Return a page of the org's setup; None if the connection has no instance URL."""
    if not connection.instance_url:
        return None
    setup = f"{connection.instance_url.rstrip('/')}/lightning/setup"
    if object_type is None:
        return CrmPage(f"{setup}/SetupOneHome/home")
    page = f"{setup}/ObjectManager/{quote(object_type, safe='')}"
    if field_name is None:
        return CrmPage(f"{page}/Details/view")
    fields = f"{page}/FieldsAndRelationships"
    if _CUSTOM.search(field_name):
        # The page of a custom field has an ID in its address, which no describe contains.
        return CrmPage(f"{fields}/view", f"the fields of {object_type}: search for {field_name}")
    return CrmPage(f"{fields}/{quote(field_name, safe='')}/view")


PROFILE = VendorProfile(
    name="salesforce",
    title="Salesforce",
    account="org",
    exports="describe files exported to a folder",
    flows=FLOWS,
    login_hosts=LOGIN_HOSTS,
    login_url=login_url,
    own_url_example="https://MYDOMAIN.my.salesforce.com",
    retired_sign_in="Salesforce retires the OAuth password flow on 2027-02-20, and SOAP login() "
    "with Summer '27.",
    endings=ENDINGS,
    version_pattern=r"\d\d\.0",
    version_example="66.0",
    setup_page=setup_page,
    no_setup_page="Set the org's URL: crmdeck connections set {name} --instance-url URL",
    ignores_case=True,
    read_access="Read on the objects to map, in a permission set",
    always_stated=("required", "createable", "updateable", "unique", "external_id", "calculated"),
    states_length=True,
    companions=("ChangeEvent", "EventStore", "EventStream", "History", "Share", "Feed", "Tag"),
    object_kinds={
        "__e": "Event",
        "__b": "big object",
        "__x": "external object",
        "__kav": "article",
        "Event": "Event",
    },
    # Person accounts show the custom fields of Contact.
    mirrored_fields={("Account", "__pc"): "Contact"},
    schema_picklists={name: frozenset(fields) for name, fields in _SCHEMA_PICKLISTS.items()},
    longest_custom_picklist=1000,
    package_pattern=r"([A-Za-z][A-Za-z0-9]{0,14})__\w+__\w+",
    rule_kinds=("validation", "duplicates", "automation", "recordTypes", "user"),
    # Object Reference, "Primitive Data Types"; Apex Developer Guide, "Triggers and Order of
    # Execution".
    write_rules=WriteRules(
        trims_text=True,
        id_pattern="[a-zA-Z0-9]{15}([a-zA-Z0-9]{3})?",
        rounds=True,
        cuts_time=True,
        has_formulas=True,
        runs_automation=True,
        first_year=1700,
        last_year=4000,
    ),
    write_change=write_change,
)
