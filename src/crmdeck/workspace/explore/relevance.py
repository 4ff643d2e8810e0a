"""The relevance of objects and fields: how close they are to an admin's work. Pure."""

from __future__ import annotations

import re
from functools import lru_cache

from crmdeck.mapping.choices import USUAL_OBJECTS
from crmdeck.workspace.explore.search import CUSTOM, MAPPED, SETUP, STANDARD, USUAL

# Objects that keep the history, the sharing or the events of another object.
_COMPANION = re.compile(
    r"(?:History2?|Share|Feed|ChangeEvent|Tag|EventStream|EventStore|Metrics?|__mdt|__e|__b)$"
)
# Objects for the setup and monitoring of an org, by how their names begin
# (https://developer.salesforce.com/docs/atlas.en-us.object_reference.meta/object_reference/).
_SETUP = re.compile(
    "(?:"
    "AI|ActionLink|ActivePermSet|ActiveProfile|ActiveFeature|Aggregate|Api[A-Z]|Apex|App[A-Z]"
    "|Application|AssignmentRule|Async|AuditTrail|Aura|Auth[A-Z]|Background|Batch|Brand|Briefcase"
    "|BulkApi|BusinessProcess|Calc[A-Z]|Calculation|Calendar|CallC|Category|ClientBrowser|Color"
    "|ConcurLong|ConnectedApp|Content(?!Document$|Version$)|ContextParam|Cors|Credential|Cron"
    "|CspTrusted|Custom(?!er)|Dashboard|Data[A-Z]|Datacloud|Decision|DeleteEvent|Domain|Duplicate"
    "|Email(?!Message)|EmbeddedService|EngmtChannel|Enhanced|EntityDef|EntityPart|EventBus"
    "|EventLog|EventRelay|Explain|Express|ExpsSet|External|Field[A-Z]|FileEvent|FileSearch"
    "|FiscalYear|Flex|Flow|Folder|Formula|Granted|Group|GuestUser|Icon|Identity|Idp|IPAddress"
    "|Iframe|Installed|Lightning|ListView|LiveChat|Login|Logout|ML|Ml|Macro|MailMerge|Mailmerge"
    "|ManagedContent|Matching|Messaging|Mobile|Msg|Muting|MyDomain|NamedCred|Oauth|Object[A-Z]"
    "|Omni|Onboarding|Org[A-Z]|OtherComponent|Package|Permission|Picklist|Pipeline|Platform"
    "|Privacy|Process|Profile|Prompt|Publisher|Push|Queue|RecentlyViewed|RecordType|Redirect"
    "|RelatedList|Relationship|Report|Saml|Scontrol|SearchL|SearchP|Security|ServiceSetup|Session"
    "|Setup|Site|SPSaml|SOS|StaticResource|Streaming|Subscriber|Tab[A-Z]|Tableau|Tenant|TestSuite"
    "|ThirdParty|Threat|Timeline|TransactionSec|Translation|UiFormula|Uri|User[A-Z]|Verification"
    "|Visualforce|Wave|WebLink"
    ")"
)


@lru_cache(maxsize=16_384)
def object_relevance(object_type: str, *, custom: bool) -> int:
    """Return the relevance of an object without mappings: `USUAL` to `SETUP`.

    The usual objects are those that most PartnerOS records are mapped to. Only Salesforce has
    setup objects.
    """
    if object_type in USUAL_OBJECTS:
        return USUAL
    if _COMPANION.search(object_type):
        return SETUP
    if custom:
        return CUSTOM
    return SETUP if _SETUP.match(object_type) else STANDARD


def field_relevance(object_type: str, *, custom_object: bool, custom: bool, mapped: bool) -> int:
    """Return the relevance of a field: mapped, then by its object.

    A custom field comes before the other fields of its object, unless that is a setup object.
    """
    if mapped:
        return MAPPED
    relevance = object_relevance(object_type, custom=custom_object)
    return min(relevance, CUSTOM) if custom and relevance < SETUP else relevance
