"""Where the two field lists of a ranking come from, and from when on a pair is suggested."""

from __future__ import annotations

from dataclasses import dataclass

from crmdeck.model import Platform

PARTNER_SYSTEM = "partneros"
# What is less probable than this is not suggested: more likely wrong than right.
MIN_CONFIDENCE = 0.5


@dataclass(frozen=True)
class Home:
    """The system and the object type that a list of fields belongs to."""

    system: str
    object_type: str


Homes = tuple[Home | None, Home | None]
"""The known objects that the left and the right fields belong to, None for any other."""


@dataclass(frozen=True)
class RankContext:
    """The two objects of a pair and the CRM's platform; what is unknown is empty or None.

    An object that the lexicon knows is recognized by its fields as well.
    """

    partner_object: str = ""
    crm_object: str = ""
    platform: Platform | None = None

    @property
    def left_home(self) -> Home | None:
        """The object on the left, where it has a name."""
        return Home(PARTNER_SYSTEM, self.partner_object) if self.partner_object else None

    @property
    def right_home(self) -> Home | None:
        """The object on the right, where its platform is known."""
        if self.platform is None or not self.crm_object:
            return None
        return Home(self.platform, self.crm_object)
