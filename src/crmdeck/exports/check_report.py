"""The formats of a check: a report, a JUnit file, annotations for GitHub Actions."""

from __future__ import annotations

from collections import Counter

from crmdeck.exports.formats import CHECK_FORMATS, require_format, stream_report
from crmdeck.exports.jsontext import to_json
from crmdeck.exports.report import Report, Section, filled_table
from crmdeck.model import CheckReport, Issue, IssueKind, IssueLevel
from crmdeck.text import count

_MARKS = {IssueLevel.FAIL: "bad", IssueLevel.REPORT: "warn", IssueLevel.IGNORE: ""}
_SECTIONS = {
    IssueLevel.FAIL: "Failures",
    IssueLevel.REPORT: "Notes",
    IssueLevel.IGNORE: "Ignored by the policy",
}
_GITHUB = {IssueLevel.FAIL: "error", IssueLevel.REPORT: "warning", IssueLevel.IGNORE: "notice"}


def render_check(report: CheckReport, format: str) -> str:
    """Return a check as text in one of `CHECK_FORMATS`; raises UsageError for another format."""
    require_format(format, CHECK_FORMATS, "check")
    match format:
        case "json":
            return to_json(report, indent=2) + "\n"
        case "junit":
            return _junit(report)
        case "github":
            return _github(report)
    return "".join(stream_report(as_report(report), format))


def check_summary(report: CheckReport) -> str:
    """Return the result of a check in one line."""
    levels = Counter(issue.level for issue in report.issues)
    unread = [each.name for each in report.connections if not each.read]
    parts = [count(len(report.connections), "connection") + " checked"]
    if unread:
        parts.append(f"can't read {', '.join(unread)}")
    if report.open_changes.count:
        parts.append(report.open_changes.text)
    if levels[IssueLevel.FAIL]:
        parts.append(count(levels[IssueLevel.FAIL], "failure"))
    if levels[IssueLevel.REPORT]:
        parts.append(count(levels[IssueLevel.REPORT], "note"))
    if report.success and not levels[IssueLevel.REPORT]:
        parts.append("no problems")
    return ", ".join(parts) + "."


def issue_text(issue: Issue) -> str:
    """Return a failure or note in one line, without its connection."""
    return f"{issue.title} ({issue.detail})" if issue.detail else issue.title


def as_report(report: CheckReport) -> Report:
    """Return a check as a document, failures first."""
    sections = [
        Section(
            _SECTIONS[level],
            table=filled_table(
                (
                    "connection",
                    "severity",
                    "problem",
                    "details",
                    "next step",
                    "mapped",
                    "changed by",
                    "policy",
                ),
                [
                    (
                        issue.connection,
                        issue.severity or issue.kind,
                        issue.title,
                        issue.detail,
                        issue.remedy,
                        issue.mapped,
                        issue.changed_by,
                        issue.rule,
                    )
                    for issue in issues
                ],
                [_MARKS[level]] * len(issues),
            ),
        )
        for level in (IssueLevel.FAIL, IssueLevel.REPORT, IssueLevel.IGNORE)
        if (issues := report.of(level))
    ]
    if report.expired_rules:
        rows = [(f"{rule.until:%Y-%m-%d}", rule.reason) for rule in report.expired_rules]
        sections.append(
            Section("Expired policy rules", table=filled_table(("expired", "reason"), rows))
        )
    sections.append(
        Section(
            "Connections",
            table=filled_table(
                ("connection", "platform", "status", "read", "open", "since", "objects", "fields"),
                [
                    (c.name, c.platform, c.status, c.read, c.open_changes.text,
                     c.since or "baseline", c.object_count, c.field_count)
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
            ("fails from", report.fail_on),
            ("exit reasons", ", ".join(report.reasons) or "ok"),
            *([("audit log head", report.audit_head)] if report.audit_head else ()),
        ),
        sections=sections,
        made_at=report.checked_at,
    )


def _junit(report: CheckReport) -> str:
    """Return a suite per connection with a case per problem, or one case that passes."""
    from junitparser import Error, Failure, JUnitXml, Skipped, TestCase, TestSuite

    document = JUnitXml("crmdeck check")
    for connection in report.connections:
        suite = TestSuite(connection.name)
        suite.add_property("openChanges", str(connection.open_changes.count))
        mine = [issue for issue in report.issues if issue.connection == connection.name]
        for issue in mine:
            case = TestCase(_xml(issue.title), _xml(f"{connection.name}.{issue.kind}"))
            text = _xml(issue_text(issue) + (f" {issue.remedy}" if issue.remedy else ""))
            if issue.level is IssueLevel.FAIL:
                # In JUnit, a failure is a finding, and an error is a test that could not run.
                kind = Error if issue.kind is IssueKind.UNREAD else Failure
                case.result = [kind(text, issue.code)]
            elif issue.level is IssueLevel.IGNORE:
                case.result = [Skipped(_xml(issue.rule or ""))]
            else:
                case.system_out = text
            suite.add_testcase(case)
        if not mine:
            suite.add_testcase(TestCase("no problems", connection.name))
        document.add_testsuite(suite)
    document.update_statistics()  # type: ignore[no-untyped-call]
    written: bytes | str = document.tostring()  # type: ignore[no-untyped-call]
    return (written.decode() if isinstance(written, bytes) else written) + "\n"


def _xml(text: str) -> str:
    # XML forbids most control characters.
    return "".join(char if char.isprintable() or char in "\t\n" else "\ufffd" for char in text)


def _github(report: CheckReport) -> str:
    lines = [
        f"::{_GITHUB[issue.level]} title={_property(f'{issue.connection}: {issue.code}')}::"
        f"{_message(issue_text(issue))}"
        for issue in report.issues
    ]
    return "\n".join([*lines, _message(check_summary(report))]) + "\n"


def _message(text: str) -> str:
    # Two colons at the start would make the message a command.
    escaped = text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
    return f" {escaped}" if escaped.startswith("::") else escaped


def _property(text: str) -> str:
    return _message(text).replace(":", "%3A").replace(",", "%2C")
