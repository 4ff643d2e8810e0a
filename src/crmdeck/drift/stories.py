"""Stories: noise and masses folded, so that the news stands out; nothing is dropped.

What touches a mapping is never folded: it is told by itself.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from crmdeck.drift.findings import Finding
from crmdeck.drift.folds import Fold, FoldRule, News
from crmdeck.drift.masses import (
    field_everywhere,
    object_kinds,
    package,
    same_change,
    scope_shrank,
    vendor_release,
)
from crmdeck.drift.noise import mirrors, reference_lists, setup_picklists
from crmdeck.model import Platform

# The first rule that takes a finding keeps it: echoes first, then what has a known cause, then
# what is merely alike.
_RULES: tuple[FoldRule, ...] = (
    setup_picklists,
    reference_lists,
    mirrors,
    scope_shrank,
    package,
    vendor_release,
    object_kinds,
    field_everywhere,
    same_change,
)


def fold(
    findings: Sequence[Finding], platform: Platform, mapped: Collection[Finding]
) -> list[Fold]:
    """Return the folds of what was found in one refresh; no finding is in two of them.

    `mapped` are the findings that touch a mapping.
    """
    news = News(platform, tuple(findings))
    remaining = [finding for finding in findings if finding not in mapped]
    folds: list[Fold] = []
    for rule in _RULES:
        found = list(rule(news, remaining))
        folds.extend(found)
        taken = {member for one in found for member in one.members}
        remaining = [finding for finding in remaining if finding not in taken]
    return folds
