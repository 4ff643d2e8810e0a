"""A check for readers: a report, a JUnit file, the annotations of GitHub Actions."""

from __future__ import annotations

from collections import Counter

from crmdeck.errors import UsageError
from crmdeck.exports.jsontext import to_json
from crmdeck.exports.report import Report, Section, filled_table
from crmdeck.exports.report_formats import stream_report
from crmdeck.model import CheckReport, Issue, IssueKind, IssueLevel
from crmdeck.text import count

CHECK_FORMATS = ("json", "markdown", "html", "junit", "github")

_MARKS = {IssueLevel.FAIL: "bad", IssueLevel.REPORT: "warn", IssueLevel.IGNORE: ""}
_SECTIONS = {
    IssueLevel.FAIL: "What fails",
    IssueLevel.REPORT: "What to know of",
    IssueLevel.IGNORE: "Passed over, by the policy",
}
_GITHUB = {IssueLevel.FAIL: "error", IssueLevel.REPORT: "warning", IssueLevel.IGNORE: "notice"}


def render_check(report: CheckReport, format: str) -> str:
    """Return a check as text in one of `CHECK_FORMATS`; raises UsageError for another."""
    require_format(format)
    match format:
        case "json":
            return to_json(report, indent=2) + "\n"
        case "junit":
            return _junit(report)
        case "github":
            return _github(report)
    return "".join(stream_report(as_report(report), format))


def require_format(format: str) -> None:
    """Raise UsageError where `format` is none of `CHECK_FORMATS`."""
    if format not in CHECK_FORMATS:
        raise UsageError(
            f"There is no check in the format '{format}'.",
            remedy=f"Choose one of {', '.join(CHECK_FORMATS)}.",
            code="BAD_FORMAT",
        )


def check_summary(report: CheckReport) -> str:
    """Return in one line how a check ended."""
    levels = Counter(issue.level for issue in report.issues)
    unread = [each.name for each in report.connections if not each.read]
    parts = [count(len(report.connections), "connection") + " checked"]
    if unread:
        parts.append(f"{', '.join(unread)} could not be read")
    if levels[IssueLevel.FAIL]:
        parts.append(count(levels[IssueLevel.FAIL], "issue fails", "issues fail"))
    if levels[IssueLevel.REPORT]:
        parts.append(f"{levels[IssueLevel.REPORT]:,} to know of")
    if report.success and not levels[IssueLevel.REPORT]:
        parts.append("all is well")
    return ", ".join(parts) + "."


def issue_text(issue: Issue) -> str:
    """Return what an issue is, in one line without its connection."""
    return f"{issue.title} ({issue.detail})" if issue.detail else issue.title


def as_report(report: CheckReport) -> Report:
    """Return a check as a document: what fails first, then what to know of."""
    sections = [
        Section(
            _SECTIONS[level],
            table=filled_table(
                ("connection", "severity", "what", "why", "what next", "mapped", "by", "policy"),
                [_row(issue) for issue in issues],
                [_MARKS[level]] * len(issues),
            ),
        )
        for level in (IssueLevel.FAIL, IssueLevel.REPORT, IssueLevel.IGNORE)
        if (issues := report.of(level))
    ]
    if report.expired_rules:
        rows = [(f"{rule.until:%Y-%m-%d}", rule.reason) for rule in report.expired_rules]
        sections.append(
            Section(
                "Rules of the policy that have ended", table=filled_table(("until", "reason"), rows)
            )
        )
    sections.append(
        Section(
            "Connections",
            table=filled_table(
                ("connection", "platform", "status", "read", "since", "objects", "fields"),
                [
                    (c.name, c.platform, c.status, c.read, c.since or "the beginning",
                     c.object_count, c.field_count)
                    for c in report.connections
                ],
                ["" if c.read else "bad" for c in report.connections],
            ),
        )
    )  # fmt: skip
    return Report(
        title="Check of the CRM connections",
        summary=check_summary(report),
        facts=(
            ("checked", report.checked_at),
            ("fails on", report.fail_on),
            ("ends with", ", ".join(report.reasons) or "ok"),
        ),
        sections=sections,
        made_at=report.checked_at,
    )


def _row(issue: Issue) -> tuple[object, ...]:
    return (
        issue.connection,
        issue.severity or issue.kind,
        issue.title,
        issue.detail,
        issue.remedy,
        issue.mapped,
        issue.changed_by,
        issue.rule,
    )


def _junit(report: CheckReport) -> str:
    """Return a suite for each connection, with a case for each issue, or one that passes."""
    from junitparser import Error, Failure, JUnitXml, Skipped, TestCase, TestSuite

    document = JUnitXml("crmdeck check")
    for connection in report.connections:
        suite = TestSuite(connection.name)
        mine = [issue for issue in report.issues if issue.connection == connection.name]
        for issue in mine:
            case = TestCase(_xml(issue.title), _xml(f"{connection.name}.{issue.kind}"))
            text = _xml(issue_text(issue) + (f" {issue.remedy}" if issue.remedy else ""))
            if issue.level is IssueLevel.FAIL:
                kind = Error if issue.kind is IssueKind.UNREAD else Failure
                case.result = [kind(text, issue.code)]
            elif issue.level is IssueLevel.IGNORE:
                case.result = [Skipped(_xml(issue.rule or ""))]
            else:
                case.system_out = text
            suite.add_testcase(case)
        if not mine:
            suite.add_testcase(TestCase("all is well", connection.name))
        document.add_testsuite(suite)
    document.update_statistics()  # type: ignore[no-untyped-call]
    written: bytes | str = document.tostring()  # type: ignore[no-untyped-call]
    return (written.decode() if isinstance(written, bytes) else written) + "\n"


def _xml(text: str) -> str:
    """Return text without the characters that no XML may hold."""
    return "".join(char if char.isprintable() or char in "\t\n" else "\ufffd" for char in text)


def _github(report: CheckReport) -> str:
    """Return workflow commands, which GitHub shows at the run, and a line to sum up."""
    lines = [
        f"::{_GITHUB[issue.level]} title={_property(f'{issue.connection}: {issue.code}')}::"
        f"{_message(issue_text(issue))}"
        for issue in report.issues
    ]
    return "\n".join([*lines, _message(check_summary(report))]) + "\n"


def _message(text: str) -> str:
    # A message that starts with two colons would be a command.
    escaped = text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
    return f" {escaped}" if escaped.startswith("::") else escaped


def _property(text: str) -> str:
    return _message(text).replace(":", "%3A").replace(",", "%2C")
