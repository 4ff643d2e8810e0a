"""The reasons for the exit code of a check."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from crmdeck.errors import CrmdeckError, ExitCode
from crmdeck.model import CheckedConnection, CheckedFinding, CheckLevel


def reasons_of(findings: Sequence[CheckedFinding], error: CrmdeckError | None) -> list[ExitCode]:
    """Return the reasons that a connection gives, which could not be read if it has an `error`."""
    codes = []
    failing = [finding for finding in findings if finding.level is CheckLevel.FAIL]
    if any(not finding.is_unread for finding in failing):
        codes.append(ExitCode.DRIFT)
    # Whether the check failed or is partial depends on the others: see `reasons_of_all`.
    if error is not None and error.exit_code is not ExitCode.FAILED:
        codes.append(error.exit_code)
    if error is None and any(finding.is_unread for finding in failing):
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
