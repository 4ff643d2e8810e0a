"""What every face shows of an object pair, handed on from the pure package below."""

from __future__ import annotations

from crmdeck.mapping.choices import FieldChoice as FieldChoice
from crmdeck.mapping.choices import NearestField as NearestField
from crmdeck.mapping.choices import PairChoice as PairChoice
from crmdeck.mapping.choices import ValueChoice as ValueChoice
from crmdeck.mapping.choices import accepting as accepting
from crmdeck.mapping.choices import choosing as choosing
from crmdeck.mapping.choices import field_choices as field_choices
from crmdeck.mapping.choices import latest_first as latest_first
from crmdeck.mapping.choices import pair_choices as pair_choices
from crmdeck.mapping.choices import rejecting as rejecting
from crmdeck.mapping.choices import value_choices as value_choices
from crmdeck.mapping.choices import value_targets as value_targets
from crmdeck.mapping.review import Review as Review
from crmdeck.mapping.review import Verdict as Verdict
from crmdeck.mapping.rows import SURE as SURE
from crmdeck.mapping.rows import Candidate as Candidate
from crmdeck.mapping.rows import Group as Group
from crmdeck.mapping.rows import MappingRow as MappingRow
from crmdeck.mapping.rows import RowBuilder as RowBuilder
from crmdeck.mapping.rows import Trouble as Trouble
from crmdeck.mapping.session import MappingSession as MappingSession
from crmdeck.mapping.session import Step as Step
from crmdeck.mapping.session import Write as Write
from crmdeck.mapping.wording import FLOWS as FLOWS
from crmdeck.mapping.wording import SIGNS as SIGNS
from crmdeck.mapping.wording import STATE_WORDS as STATE_WORDS
from crmdeck.mapping.wording import access_text as access_text
from crmdeck.mapping.wording import best_text as best_text
from crmdeck.mapping.wording import choice_text as choice_text
from crmdeck.mapping.wording import crm_text as crm_text
from crmdeck.mapping.wording import decision_text as decision_text
from crmdeck.mapping.wording import matched_values_text as matched_values_text
from crmdeck.mapping.wording import pair_text as pair_text
from crmdeck.mapping.wording import percent as percent
from crmdeck.mapping.wording import shortened as shortened
from crmdeck.mapping.wording import type_text as type_text
from crmdeck.mapping.wording import warning_words as warning_words
from crmdeck.mapping.wording import what_to_know as what_to_know
from crmdeck.mapping.wording import yes_no as yes_no
