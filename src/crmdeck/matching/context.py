"""The origin of the two field lists of a ranking, and the threshold of a suggestion."""

from __future__ import annotations

from dataclasses import dataclass

from crmdeck.model import Platform

PARTNER_SYSTEM = "partneros"
# A less probable pair is more likely wrong than right, and is not suggested.
MIN_CONFIDENCE = 0.5


@dataclass(frozen=True)
class Home:
    system: str
    object_type: str


Homes = tuple[Home | None, Home | None]
"""The known objects of the left and the right fields, None for any other."""


@dataclass(frozen=True)
class RankContext:
    """The two objects of a pair and the CRM's platform, if known.

    Known objects are recognized by their fields as well.
    """

    partner_object: str = ""
    crm_object: str = ""
    platform: Platform | None = None

    @property
    def left_home(self) -> Home | None:
        return Home(PARTNER_SYSTEM, self.partner_object) if self.partner_object else None

    @property
    def right_home(self) -> Home | None:
        if self.platform is None or not self.crm_object:
            return None
        return Home(self.platform, self.crm_object)
