"""What every face says of drift, handed on from the pure package below."""

from __future__ import annotations

from crmdeck.drift.timeline import Entry as Entry
from crmdeck.drift.timeline import Timeline as Timeline
from crmdeck.drift.timeline import make_timeline as make_timeline
from crmdeck.drift.timeline import once as once
from crmdeck.drift.timeline import worst as worst
from crmdeck.drift.wording import KIND_WORDS as KIND_WORDS
from crmdeck.drift.wording import STORY_WORDS as STORY_WORDS
from crmdeck.drift.wording import VALUE_SIGNS as VALUE_SIGNS
from crmdeck.drift.wording import ValueChange as ValueChange
from crmdeck.drift.wording import attribute_word as attribute_word
from crmdeck.drift.wording import mapping_text as mapping_text
from crmdeck.drift.wording import place_of as place_of
from crmdeck.drift.wording import shown_changes as shown_changes
from crmdeck.drift.wording import value_text as value_text
from crmdeck.drift.wording import what_happened as what_happened
