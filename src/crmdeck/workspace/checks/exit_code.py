"""The problems that fail a check, and the reasons for its exit code."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from crmdeck.errors import CrmdeckError, ExitCode
from crmdeck.model import CheckedConnection, FailOn, Issue, IssueKind, IssueLevel, Severity
from crmdeck.workspace.policy import Rule


def judge(issue: Issue, fail_on: FailOn, rule: Rule | None) -> Issue:
    """Return an issue at the level that a rule of the policy gives it, else the threshold."""
    level = issue.level
    if issue.kind is IssueKind.DRIFT:
        level = IssueLevel.FAIL if _fails(issue, fail_on) else IssueLevel.REPORT
    elif issue.kind in (IssueKind.MAPPING, IssueKind.PREFLIGHT) and fail_on is FailOn.NONE:
        level = IssueLevel.REPORT
    # Nothing can excuse a failed read, because the missing data is unknown.
    if rule is None or issue.kind is IssueKind.UNREAD:
        return issue.model_copy(update={"level": level})
    return issue.model_copy(update={"level": rule.level, "rule": rule.reason or "policy"})


def reasons_of(issues: Sequence[Issue], error: CrmdeckError | None) -> list[ExitCode]:
    """Return the reasons that a connection gives, which could not be read if it has an `error`."""
    codes = []
    failing = [issue for issue in issues if issue.level is IssueLevel.FAIL]
    if any(issue.kind is not IssueKind.UNREAD for issue in failing):
        codes.append(ExitCode.DRIFT)
    # Whether the check failed or is partial depends on the others: see `reasons_of_all`.
    if error is not None and error.exit_code is not ExitCode.FAILED:
        codes.append(error.exit_code)
    if error is None and any(issue.kind is IssueKind.UNREAD for issue in failing):
        codes.append(ExitCode.PARTIAL)
    return codes


def reasons_of_all(
    codes: Iterable[ExitCode], checked: Sequence[CheckedConnection]
) -> tuple[ExitCode, ...]:
    """Return the reasons of a whole check, each once; `codes` are those of its connections."""
    unread = sum(not each.read for each in checked)
    if unread:
        codes = [*codes, ExitCode.FAILED if unread == len(checked) else ExitCode.PARTIAL]
    return tuple(dict.fromkeys(codes))


def _fails(issue: Issue, fail_on: FailOn) -> bool:
    if fail_on is FailOn.MAPPED:
        return issue.mapped and issue.severity is not Severity.SAFE
    if fail_on is FailOn.NONE or issue.severity is None:
        return False
    return issue.severity.rank >= Severity(fail_on).rank
