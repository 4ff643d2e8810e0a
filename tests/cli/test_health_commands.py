"""What the command line says of health and drift."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from crmdeck.home import CACHE_FILE
from crmdeck.sandbox import Fault, FaultKind, Sandbox
from crmdeck.workspace import Workspace
from tests.cli.shell import Shell, describe

PORTAL = "legacy-portal"


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as running:
        yield running


def portal_in(home: Path, sandbox: Sandbox) -> tuple[Shell, dict[str, str]]:
    """Return a shell over a workspace with a HubSpot portal, and the environment it needs."""
    access = sandbox.access(PORTAL)
    secrets = {"CRMDECK_PORTAL_ACCESS_TOKEN": access.private_app_token}
    shell = Shell(home)
    shell.run(
        *("connections", "add", "portal", "--source", "hubspot"),
        *("--endpoint", access.endpoint, "--secrets", "environment"),
        env=secrets,
    )
    return shell, secrets


def test_an_empty_workspace_says_what_to_do_next_and_stays_empty(tmp_path: Path) -> None:
    shell = Shell(tmp_path / "home")
    for words in (["status"], ["check"], ["drift"], ["connections", "list"], ["refresh", "--all"]):
        done = shell.attempt(*words)
        assert "crmdeck connections add NAME --source SOURCE" in done.stderr
        assert "crmdeck demo" in done.stderr
    bare = shell.run("connections", "add", code=2).stderr
    assert "crmdeck connections add acme-prod --source salesforce" in bare
    assert list(shell.home.iterdir()) == []


def test_a_home_that_was_named_must_exist_and_excludes_the_demo(tmp_path: Path) -> None:
    shell = Shell(tmp_path / "acme-north")
    (shell.home / CACHE_FILE).touch()
    for words in (["status"], ["doctor"], ["config", "list"], ["web"], ["serve", "users", "list"]):
        told = shell.run(*words, "--home", str(tmp_path / "acme-nort"), code=2).stderr
        assert f"--home {shell.home}" in told
        named = shell.run(*words, code=2, env={"CRMDECK_HOME": str(tmp_path / "zzz")}).stderr
        assert f"connections add NAME --source SOURCE --home {tmp_path / 'zzz'}" in named
    for words in (["status"], ["doctor"], ["keys"], ["web"]):
        both = shell.run(*words, "--demo", "--home", str(shell.home), code=2).stderr
        assert "combined" in both
    assert list(tmp_path.iterdir()) == [shell.home]


def test_status_shows_steps_and_drift_who_did_it(tmp_path: Path) -> None:
    export = tmp_path / "export"
    export.mkdir()
    (export / "Opportunity.json").write_text(describe(("Name", "string")))
    shell = Shell(tmp_path / "home")
    shell.run(
        *("connections", "add", "acme", "--source", "files"),
        *("--platform", "salesforce", "--path", str(export)),
    )
    done = shell.run("status", "acme")
    assert "Not refreshed yet" in done.stdout
    assert "crmdeck refresh acme" in done.stderr
    shell.run("refresh", "acme")
    (export / "Opportunity.json").write_text(describe(("Name", "string"), ("New__c", "string")))
    shell.run("refresh", "acme")
    header, _, event = shell.run("drift", "acme", "--format", "table").stdout.splitlines()
    assert header.rstrip().endswith("changed by")
    assert event.endswith("unknown: The 'files' source doesn't record who made changes.")
    assert shell.json("drift", "acme")["events"][0]["changedBy"] is None


def test_finding_is_snoozed_and_reopened(tmp_path: Path) -> None:
    shell = Shell(tmp_path / "home")
    file = tmp_path / "Opportunity.json"
    file.write_text(describe(("Name", "string")))
    where = ("--source", "files", "--platform", "salesforce", "--path", str(file))
    shell.run("connections", "add", "acme", *where)
    (never,) = shell.json("findings", "acme")
    deed = ("findings", "snooze", never["id"])
    away = shell.json(*deed, "--until", "2999-12-31")
    assert (away["connection"], away["acceptedUntil"]) == ("acme", "2999-12-31")
    assert shell.json("findings") == []
    assert "until 2999-12-31" in shell.run("status", "acme").stderr
    assert shell.json("findings", "reopen", away["id"])["acceptedAt"] is None
    entries = shell.json("audit", "--limit", "2")
    assert [each["event"] for each in entries] == ["finding.reopened", "finding.snoozed"]
    for wrong in ("2020-01-01", "soon"):
        shell.run(*deed, "--until", wrong, code=2)
    accept = ("findings", "accept", never["id"], "--until", "2999-12-31")
    assert shell.json_error(*accept, code=1)["code"] == "CANT_ACCEPT"
    missing = shell.json_error("findings", "show", "nope", code=2)
    assert missing["code"] == "FINDING_NOT_FOUND"
    # A gate doesn't pass on a connection that was never read; plain status does.
    assert shell.json("status", "acme", "--fail-on", "breaking", code=1)["reasons"] == ["failed"]
    shell.run("status")
    shell.run("findings", "nobody", code=2)


def test_sign_in_error_prints_the_command(sandbox: Sandbox, tmp_path: Path) -> None:
    shell, secrets = portal_in(tmp_path / "home", sandbox)
    sandbox.fault(PORTAL, Fault(FaultKind.UNAUTHORIZED))
    command = "crmdeck connections sign-in portal"
    for words in (("refresh", "portal"), ("connections", "test", "portal"), ("refresh", "--all")):
        err = shell.run(*words, code=3, env=secrets).stderr
        assert err.splitlines()[0].startswith("crmdeck: portal: ")
        assert f"  {command}" in err.splitlines()
    told = json.loads(shell.run("refresh", "portal", "--json", code=3, env=secrets).stderr)
    assert (told["connection"], told["command"]) == ("portal", command)
    (first, *_) = shell.json("status", "portal", code=3)["findings"]
    assert (first["steps"][0]["verb"], first["kind"]) == ("sign_in", "sign_in")
    assert first["steps"][0]["command"].startswith(command.removesuffix("portal"))
    assert first["steps"][0]["command"] in shell.run("status", "portal", code=3).stderr


def test_a_wait_is_said_while_it_lasts(sandbox: Sandbox, tmp_path: Path) -> None:
    shell, secrets = portal_in(tmp_path / "home", sandbox)
    sandbox.fault(PORTAL, Fault(FaultKind.THROTTLED, times=1, retry_after=1))
    done = shell.run("refresh", "portal", "--json", env=secrets)
    assert done.stderr.splitlines() == ["portal: HubSpot asks to wait 1 s"]
    assert json.loads(done.stdout)["success"]


def test_all_answer_in_the_order_of_their_names(tmp_path: Path) -> None:
    shell = Shell(tmp_path / "home")
    for name in ("gamma", "acme", "beta"):
        export = tmp_path / name
        export.mkdir()
        (export / "Opportunity.json").write_text(describe(("Name", "string")))
        shell.run(
            *("connections", "add", name, "--source", "files"),
            *("--platform", "salesforce", "--path", str(export)),
        )
    (tmp_path / "beta" / "Opportunity.json").unlink()
    done = shell.run("refresh", "--all", code=6)
    heads = [line for line in done.stderr.splitlines() if not line.startswith("  ")]
    assert [line.split(":")[0] for line in heads] == ["acme", "crmdeck", "gamma"]
    assert "beta" in heads[1]
    assert done.stdout == ""


def test_missing_path_is_rejected_and_old_one_kept(tmp_path: Path) -> None:
    export = tmp_path / "export"
    export.mkdir()
    (export / "Opportunity.json").write_text(describe(("Name", "string")))
    shell = Shell(tmp_path / "home")
    shell.run(
        *("connections", "add", "acme", "--source", "files"),
        *("--platform", "salesforce", "--path", str(export)),
    )
    nowhere = tmp_path / "nowhere"
    done = shell.run("connections", "set", "acme", "--path", str(nowhere), code=2)
    assert done.stderr.splitlines()[0] == f"crmdeck: {nowhere} doesn't exist."
    (acme,) = shell.json("connections", "list")
    assert acme["path"] == str(export)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("refresh", "--bogus"), "--bogus"),
        (("refresh", "--fail-on", "nope"), "'--fail-on'"),
        (("preflight", "a", "b", "--sample", "x"), "--sample takes a whole number."),
        (("mapping", "accept", "a", "b", "--confidence", "3"), "--confidence must be at most 1."),
        (("connections", "set"), "'NAME'"),
        (("no-such-command",), "'no-such-command'"),
    ],
)
def test_usage_error_is_json_with_json_option(
    tmp_path: Path, words: tuple[str, ...], says: str
) -> None:
    done = Shell(tmp_path / "home").run(*words, "--json", code=2)
    assert done.stdout == ""
    told = json.loads(done.stderr)
    assert told["code"] == "BAD_ARGUMENTS"
    assert says in told["error"]
    assert "--help" in told["remedy"]
    plain = Shell(tmp_path / "home").run(*words, code=2).stderr
    assert plain.splitlines()[0] == f"crmdeck: {told['error']} {told['remedy']}"


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        ("drfit", "drift"),
        ("mapping shwo", "show"),
        ("drift --severty risky", "--severity"),
        ("--verson", "--version"),
        ("check --fail-on mappd", "mapped"),
        ("export --what shcema", "schema"),
    ],
)
def test_a_slip_of_the_pen_is_answered_with_the_nearest_word(
    tmp_path: Path, words: str, meant: str
) -> None:
    said = Shell(tmp_path / "home").run(*words.split(), code=2).stderr
    assert f"Did you mean '{meant}'" in said
    assert "?." not in said


@pytest.mark.parametrize("words", ["check --nosuch", "mapping accept --min", "nosuch"])
def test_unknown_name_has_no_guess(tmp_path: Path, words: str) -> None:
    assert "Did you mean" not in Shell(tmp_path / "home").run(*words.split(), code=2).stderr


def test_a_file_that_is_not_there_is_wrong_usage(tmp_path: Path) -> None:
    shell = Shell(tmp_path / "home")
    assert "a.json doesn't exist" in shell.run("match", "a.json", "b.json", code=2).stderr
    assert "No backup" in shell.run("restore", "b.crmdeck-backup", code=2).stderr


def test_doctor_exit_code_shows_problem_kind(tmp_path: Path) -> None:
    export = tmp_path / "export"
    export.mkdir()
    (export / "Opportunity.json").write_text(describe(("Name", "string")))
    shell = Shell(tmp_path / "home")
    shell.run(
        *("connections", "add", "acme", "--source", "files"),
        *("--platform", "salesforce", "--path", str(export)),
    )
    shell.run("refresh", "acme")
    shell.run("doctor")
    with Workspace.open(tmp_path / "home").context.store.write() as session:
        session.database.run("UPDATE field_definition SET body = '{}', label = 'x'")
    done = shell.run("doctor", "--json", code=5)
    [altered, lost] = [finding for finding in json.loads(done.stdout) if not finding["ok"]]
    assert altered["repairable"]
    assert "The current schema of acme: Opportunity" in lost["lost"]
    assert "crmdeck refresh acme" in lost["remedy"]
    done = shell.run("doctor", "--repair", code=5)
    assert "repaired,true,backup from before the repair: " in done.stdout
    shell.run("refresh", "acme")
    shell.run("doctor")
