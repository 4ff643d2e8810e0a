"""How near objects and fields are to what an operator works with: what lists put first. Pure."""

from __future__ import annotations

import re
from functools import lru_cache

from crmdeck.mapping.choices import USUAL_OBJECTS
from crmdeck.workspace.explore.search import CUSTOM, MAPPED, SETUP, STANDARD, USUAL

# What keeps the history, the sharing and the events of another object, whichever that is.
_COMPANION = re.compile(
    r"(?:History2?|Share|Feed|ChangeEvent|Tag|EventStream|EventStore|Metrics?|__mdt|__e|__b)$"
)
# What an org is set up, run and watched with, by how the names of those objects begin
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
def object_standing(object_type: str, *, custom: bool) -> int:
    """Return where an object stands that is mapped to nothing: `USUAL` to `SETUP`.

    Usual are those that records of PartnerOS mostly go to; names of setup objects are those of
    Salesforce, other platforms have none.
    """
    if object_type in USUAL_OBJECTS:
        return USUAL
    if _COMPANION.search(object_type):
        return SETUP
    if custom:
        return CUSTOM
    return SETUP if _SETUP.match(object_type) else STANDARD


def field_standing(object_type: str, *, custom_object: bool, custom: bool, mapped: bool) -> int:
    """Return where a field stands: what is mapped first, then the usual objects, custom, the rest.

    A custom field is nearer than what else its object has, unless that is a setup object.
    """
    if mapped:
        return MAPPED
    standing = object_standing(object_type, custom=custom_object)
    return min(standing, CUSTOM) if custom and standing < SETUP else standing
