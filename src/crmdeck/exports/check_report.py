"""The formats of a check: a report, a JUnit file, annotations for GitHub Actions."""

from __future__ import annotations

from collections import Counter

from crmdeck.exports.formats import CHECK_FORMATS, require_format, stream_report
from crmdeck.exports.jsontext import to_json
from crmdeck.exports.report import Report, Section, filled_table
from crmdeck.model import CheckedFinding, CheckLevel, CheckReport, FindingState
from crmdeck.text import count, visible_text

_MARKS = {CheckLevel.FAIL: "bad", CheckLevel.REPORT: "warn", CheckLevel.IGNORE: ""}
_SECTIONS = {
    CheckLevel.FAIL: "Failures",
    CheckLevel.REPORT: "Notes",
    CheckLevel.IGNORE: "Excused or accepted",
}
_GITHUB = {CheckLevel.FAIL: "error", CheckLevel.REPORT: "warning", CheckLevel.IGNORE: "notice"}


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
    """Return the result of a check as one line of sentences."""
    levels = Counter(finding.level for finding in report.findings)
    unread = [each.name for each in report.connections if not each.read]
    checked = f"Checked {count(len(report.connections), 'connection')}"
    checked += f" (could not read {', '.join(unread)})" if unread else ""
    counted = ((CheckLevel.FAIL, "failure"), (CheckLevel.REPORT, "note"))
    parts = [count(levels[level], noun) for level, noun in counted if levels[level]]
    settled = [each for each in report.findings if not each.is_open]
    excused = sum(each.state is FindingState.EXCUSED for each in settled)
    if excused:
        parts.append(f"{excused:,} excused")
    for state in (FindingState.ACCEPTED, FindingState.SNOOZED):
        days = sorted(each.accepted_until for each in settled
                      if each.state is state and each.accepted_until)  # fmt: skip
        if days:
            until = f"{days[0]}" if days[0] == days[-1] else f"{days[0]} or later"
            parts.append(f"{len(days):,} {state.value} until {until}")
    if report.success and not report.findings:
        parts.append("no findings")
    counts = f"{checked}: {', '.join(parts)}." if parts else f"{checked}."
    return f"{counts} {report.open_changes.text}." if report.open_changes.count else counts


def as_report(report: CheckReport) -> Report:
    """Return a check as a document, failures first."""
    sections = [
        Section(
            _SECTIONS[level],
            table=filled_table(
                (
                    "connection",
                    "urgency",
                    "finding",
                    "cause",
                    "effect",
                    "next step",
                    "mapped",
                    "changed by",
                    "policy or note",
                ),
                [
                    (
                        each.connection,
                        each.severity if each.kind == "change_safe" else each.urgency,
                        each.title,
                        each.cause,
                        each.effect,
                        _next_step(each),
                        each.mapped,
                        each.by,
                        _why_settled(each),
                    )
                    for each in found
                ],
                [_MARKS[level]] * len(found),
            ),
        )
        for level in (CheckLevel.FAIL, CheckLevel.REPORT, CheckLevel.IGNORE)
        if (found := report.of(level))
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
            ("fail level", report.fail_on),
            ("exit reasons", ", ".join(report.reasons) or "ok"),
            *([("audit log head", report.audit_head)] if report.audit_head else ()),
        ),
        sections=sections,
        made_at=report.checked_at,
    )


def _junit(report: CheckReport) -> str:
    """Return a suite per connection with a case per finding, or one case that passes."""
    from junitparser import Error, Failure, JUnitXml, Skipped, TestCase, TestSuite

    document = JUnitXml("crmdeck check")
    for connection in report.connections:
        suite = TestSuite(connection.name)
        suite.add_property("openChanges", str(connection.open_changes.count))
        mine = [each for each in report.findings if each.connection == connection.name]
        for each in mine:
            case = TestCase(_xml(each.title), _xml(f"{connection.name}.{each.kind}"))
            text = _xml(" ".join(filter(None, (each.text, each.effect, _next_step(each)))))
            if each.level is CheckLevel.FAIL:
                # In JUnit, a failure is a finding, and an error is a test that could not run.
                case.result = [(Error if each.is_unread else Failure)(text, each.code)]
            elif each.level is CheckLevel.IGNORE:
                case.result = [Skipped(_xml(_why_settled(each) or ""))]
            else:
                case.system_out = text
            suite.add_testcase(case)
        if not mine:
            suite.add_testcase(TestCase("no findings", connection.name))
        document.add_testsuite(suite)
    document.update_statistics()  # type: ignore[no-untyped-call]
    written: bytes | str = document.tostring()  # type: ignore[no-untyped-call]
    return (written.decode() if isinstance(written, bytes) else written) + "\n"


def _next_step(finding: CheckedFinding) -> str | None:
    """Return the first step as a command, else in words; None without one."""
    step = next(iter(finding.steps), None)
    return None if step is None else f"{step.text}: {step.command}" if step.command else step.text


def _why_settled(finding: CheckedFinding) -> str | None:
    """Return the reason of the policy, or who accepted the risk until when."""
    if finding.accepted_until is None:
        return finding.rule
    by = f"{finding.state.value} until {finding.accepted_until} by {finding.accepted_by}"
    return f"{by}: {finding.note}" if finding.note else by


def _xml(text: str) -> str:
    # XML forbids most control characters.
    return "".join(char if char.isprintable() or char in "\t\n" else "\ufffd" for char in text)


def _github(report: CheckReport) -> str:
    lines = [
        f"::{_GITHUB[each.level]} title={_property(f'{each.connection}: {each.code}')}::"
        f"{_message(each.text)}"
        for each in report.findings
    ]
    return "\n".join([*lines, _message(check_summary(report))]) + "\n"


def _message(text: str) -> str:
    # Two colons at the start would make the message a command.
    escaped = visible_text(text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A"))
    return f" {escaped}" if escaped.startswith("::") else escaped


def _property(text: str) -> str:
    return _message(text).replace(":", "%3A").replace(",", "%2C")
