"""What every face says of where a field is used, handed on from the pure package below."""

from __future__ import annotations

from crmdeck.drift.usage import NOT_COVERED as NOT_COVERED
from crmdeck.drift.usage import VERDICT_WORDS as VERDICT_WORDS
from crmdeck.drift.usage import usage_summary as usage_summary
from crmdeck.drift.usage import uses_by_kind as uses_by_kind
