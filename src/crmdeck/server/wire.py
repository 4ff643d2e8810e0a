"""The bodies of requests, and the responses of signing in."""

from __future__ import annotations

from typing import Annotated

import pydantic

from crmdeck.model import DecisionState, Direction, Role, TokenScope, UtcTime, WireModel
from crmdeck.server.accounts import SHORTEST_PASSWORD
from crmdeck.server.tokens import LONGEST_LIFETIME, TokenView

# Only the form: whether the objects exist is checked where the schema is known.
PAIR = r"^.+?--.+$"
MOST_CHOICES = 1000
MOST_EVENTS = 10_000

PairName = Annotated[
    str,
    pydantic.Field(
        pattern=PAIR, max_length=200, description="For example `deal_registration--Opportunity`."
    ),
]
Name = Annotated[str, pydantic.Field(min_length=1, max_length=255)]


class Body(WireModel):
    """The body of a request; built immediately, because FastAPI inspects it."""

    model_config = pydantic.ConfigDict(defer_build=False)


class SignIn(Body):
    """The body of `POST /auth/sign-in/email`.

    `admission` is the token that `crmdeck serve users let-in` prints, for when others use up all
    attempts.
    """

    email: Annotated[str, pydantic.Field(max_length=254)]
    # No repr, because a log or a traceback could show it.
    password: Annotated[str, pydantic.Field(max_length=1024, repr=False)]
    admission: Annotated[str | None, pydantic.Field(max_length=128, repr=False)] = None


class ChangePassword(Body):
    """The body of `POST /auth/password`."""

    current_password: Annotated[str, pydantic.Field(max_length=1024, repr=False)]
    new_password: Annotated[
        str, pydantic.Field(min_length=SHORTEST_PASSWORD, max_length=1024, repr=False)
    ]


class SignedOut(WireModel):
    """The number of sessions that ended."""

    ended: int


class SwitchOrganization(Body):
    """The body of `POST /auth/organization`."""

    organization_id: Name


class Suggesting(Body):
    """The body of `POST /integrations/{id}/mapping/ai-suggest`."""

    object_pair: PairName


class Acknowledging(Body):
    """The body of `POST /integrations/{id}/drift/acknowledge`."""

    event_ids: Annotated[list[Name], pydantic.Field(min_length=1, max_length=MOST_EVENTS)]
    note: Annotated[str, pydantic.Field(max_length=2000)] = ""


class Acknowledged(WireModel):
    """How many changes were acknowledged now; IDs of other integrations are left out."""

    acknowledged: int


class Reopening(Body):
    """The body of `POST /integrations/{id}/drift/reopen`."""

    event_ids: Annotated[list[Name], pydantic.Field(min_length=1, max_length=MOST_EVENTS)]


class Reopened(WireModel):
    """How many acknowledgments were withdrawn; IDs of other integrations are left out."""

    reopened: int


class ChoiceBody(WireModel):
    """A choice of `POST /integrations/{id}/mapping/decisions`.

    Accepting needs `crmField`; without `direction` crmdeck chooses it. With an empty
    `partnerField` the choice is about the CRM field itself: `rejected` marks it as filled
    elsewhere, `pending` clears that.
    """

    partner_field: Annotated[str, pydantic.Field(max_length=255)]
    state: DecisionState
    crm_field: Name | None = None
    direction: Direction | None = None
    value_map: dict[str, str] | None = None
    filled_with: Annotated[str, pydantic.Field(max_length=2000)] | None = None
    confidence: Annotated[float, pydantic.Field(ge=0, le=1, strict=True)] | None = None
    note: Annotated[str, pydantic.Field(max_length=2000)] | None = None


class Deciding(Body):
    """The body of `POST /integrations/{id}/mapping/decisions`: all choices are made, or none."""

    object_pair: PairName
    choices: Annotated[
        tuple[ChoiceBody, ...], pydantic.Field(min_length=1, max_length=MOST_CHOICES)
    ]


class Undoing(Body):
    """The body of `POST /integrations/{id}/mapping/undo`; the default is the last decision."""

    object_pair: PairName
    decision_id: Name | None = None


class SignedInUser(WireModel):
    """The user; `role` is the role in the active organization, null without one."""

    email: str
    role: Role | None


class OrganizationRole(WireModel):
    """An organization of the user, and their role in it."""

    id: str
    role: Role


class SessionView(WireModel):
    """The response of `GET /auth/session`, and of signing in."""

    user: SignedInUser
    organizations: tuple[OrganizationRole, ...]
    active_organization_id: str | None
    expires_at: UtcTime


class CreateToken(Body):
    """The body of `POST /tokens`; `days` is how long the token is valid."""

    name: Name
    scopes: Annotated[tuple[TokenScope, ...], pydantic.Field(min_length=1, max_length=10)]
    days: Annotated[int, pydantic.Field(ge=1, le=LONGEST_LIFETIME.days)] = 90


class CreatedToken(TokenView):
    """A new service token; `token` is shown only now."""

    token: str


class Success(WireModel):
    """The response of requests without other results."""

    success: bool = True
