"""Which findings fail a gate."""

from __future__ import annotations

from crmdeck.model import CheckLevel, FailOn, Finding, FindingKind, FindingState, Severity, Urgency

_TO_REVIEW = (Urgency.FAILING, Urgency.EXPIRING, Urgency.REVIEW)


def fails(finding: Finding, fail_on: FailOn) -> bool:
    """True if an open finding fails a gate at that level; what can't be read fails at every one.

    Findings to set up and notes never fail, apart from safe changes at `safe`.
    """
    if finding.is_unread:
        return True
    # A contract is checked because the user named it.
    if finding.kind is FindingKind.CONTRACT_BROKEN and finding.is_open:
        return True
    if fail_on is FailOn.NONE or not finding.is_open:
        return False
    if fail_on is FailOn.SAFE and finding.severity is not None:
        return True
    if finding.urgency not in _TO_REVIEW:
        return False
    if fail_on is FailOn.MAPPED:
        return finding.mapped
    if fail_on is FailOn.BREAKING:
        return finding.urgency is Urgency.FAILING or finding.severity is Severity.BREAKING
    return True


def level_in_check(finding: Finding, fail_on: FailOn, ruled: CheckLevel | None) -> CheckLevel:
    """Return the level of a finding in a check; `ruled` is that of the policy rule that applies."""
    if finding.is_unread:
        return CheckLevel.FAIL
    if finding.state is FindingState.ACCEPTED:
        return CheckLevel.IGNORE
    if ruled is not None:
        return ruled
    return CheckLevel.FAIL if fails(finding, fail_on) else CheckLevel.REPORT
