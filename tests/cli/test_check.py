"""A night, played: what changed, what broke, what could not be read, and how the gate ends."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from importlib import resources
from pathlib import Path
from xml.etree import ElementTree

import jsonschema_rs
import pytest
import yaml

from tests.cli import mapping_schema
from tests.cli.shell import PAIR, Shell, describe
from tests.restored import Restored

FIRST = (("Name", "string"), ("CloseDate", "date"), ("Amount", "currency"))


class Night:
    """Two connections over exported files, the first with one accepted line."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.shell = Shell(folder / "home")

    def fall(self) -> Night:
        """Make the connections, look at them, accept the line, and return the night."""
        for name in ("acme", "beta"):
            folder = self.folder / name
            folder.mkdir()
            self.export(name, *FIRST)
            where = ("--source", "files", "--platform", "salesforce", "--path", str(folder))
            self.shell.run("connections", "add", name, *where)
        self.shell.run("refresh", "--all")
        self.shell.run("mapping", "accept", "acme", PAIR, "estimatedValue=Amount",
                       "--encoder", "none")  # fmt: skip
        return self

    def export(self, name: str, *fields: tuple[str, str]) -> None:
        (self.folder / name / "Opportunity.json").write_text(describe(*fields))


@pytest.fixture(scope="module")
def nightfall(tmp_path_factory: pytest.TempPathFactory) -> Restored:
    return Restored(tmp_path_factory.mktemp("night"), lambda folder: Night(folder).fall())


@pytest.fixture
def night(nightfall: Restored) -> Night:
    return Night(nightfall.anew())


def test_check_with_dead_connection_and_mapped_drift(night: Night) -> None:
    assert night.shell.json("check", "--no-refresh")["success"]
    quiet = night.shell.run("check", "--no-refresh", "--quiet")
    assert quiet.stdout + quiet.stderr == ""
    night.export("acme", ("Name", "string"), ("CloseDate", "date"))
    (night.folder / "beta/Opportunity.json").unlink()
    found = night.shell.json("check", code=4)
    assert found["reasons"] == ["drift", "partial"]
    assert {c["name"]: c["read"] for c in found["connections"]} == {"acme": True, "beta": False}
    failing = {(i["connection"], i["kind"]) for i in found["findings"] if i["level"] == "fail"}
    # The removed field is the cause of the broken mapping, and no second line.
    assert failing == {("acme", "mapping_broken"), ("beta", "connection_error")}

    check = ("check", "acme", "--no-refresh")
    again = night.shell.json(*check, code=4)
    assert [i["kind"] for i in again["findings"]] == ["mapping_broken"], "it is still open"
    assert night.shell.json(*check, "--new")["findings"] == []
    assert "drift" in night.shell.json(*check, "--since", "1h", code=4)["reasons"]
    night.shell.run("mapping", "undo", "acme", PAIR)
    night.shell.run("drift", "acme", "--acknowledge", "shown")
    assert night.shell.json(*check)["findings"] == []
    unread = night.shell.run("check", "beta", code=1).stdout
    assert unread.endswith("Checked 1 connection (could not read beta): 1 failure.\n")


def test_what_makes_it_fail_can_be_chosen(night: Night) -> None:
    night.export("acme", *FIRST, ("Region__c", "string"))
    night.export("beta", ("Name", "string"), ("CloseDate", "datetime"), ("Amount", "currency"))
    night.shell.run("refresh", "--all")
    check = ("check", "--no-refresh", "--since", "1d", "--fail-on")
    for threshold, code in (("mapped", 0), ("safe", 4), ("none", 0), ("breaking", 4)):
        night.shell.run(*check, threshold, code=code)
    night.export("acme", ("Name", "string"), ("CloseDate", "date"), ("Amount", "string"))
    night.shell.run("check", "acme", "--since", "1d", "--fail-on", "mapped", code=4)


@pytest.mark.parametrize(
    "gate",
    [
        ("check",),
        ("check", "--no-refresh", "--fail-on", "none"),
        ("watch", "--times", "1"),
        ("drift", "--fail-on", "safe"),
        ("status", "--fail-on", "safe"),
        ("refresh", "--all"),
    ],
)
def test_gate_fails_on_empty_workspace(tmp_path: Path, gate: tuple[str, ...]) -> None:
    said = Shell(tmp_path / "typo").run(*gate, code=2)
    assert "No connection to" in said.stderr
    assert "no findings" not in said.stdout


def test_a_policy_excuses_for_a_time_and_never_what_was_not_read(night: Night) -> None:
    policy = night.folder / "policy.toml"
    rule = '[[rule]]\nlevel = "ignore"\nobject = "Opportunity"\nreason = "known"\nuntil = '
    night.export("acme", ("Name", "string"), ("CloseDate", "datetime"), ("Amount", "currency"))
    check = ("check", "acme", "--since", "1d", "--policy", str(policy))

    policy.write_text(rule + f"{datetime.now(UTC).date() + timedelta(days=1)}\n")
    excused = night.shell.json(*check)
    assert {(i["level"], i["rule"]) for i in excused["findings"]} == {("ignore", "known")}
    policy.write_text(rule + "2020-01-01\n")
    expired = night.shell.json(*check, code=4)
    assert expired["expiredRules"] == [{"until": "2020-01-01", "reason": "known"}]
    policy.write_text(
        '[[rule]]\nlevel = "ignroe"\nconection = "acme"\n\n[[rule]]\nlevel = "fail"\n'
        'attribute = "Label"\nobject = 5\n\n[[rule]]\nobject = "Lead"\n\n[[rules]]\n'
    )
    said = night.shell.run(*check, code=2).stderr
    for problem in (
        "Line 2: 'level' should be 'ignore', 'report' or 'fail', not \"ignroe\".",
        "Line 3: 'conection' is an unknown key. Did you mean 'connection'?",
        "Line 7: 'attribute' isn't an attribute that can change. Did you mean 'label'?",
        "Line 8: 'object' should be text, in quotes, not 5.",
        "Line 10: 'level' is missing.",
        "And 1 more.",
    ):
        assert problem in said
    policy.write_text('[[rule]]\nlevel = "ignore"\n')
    assert "reason" in night.shell.run(*check, code=2).stderr
    policy.write_text('[[rule]]\nlevel = "ignore"\nreason = "x"\nuntil = 2999-01-01\n')
    (night.folder / "acme/Opportunity.json").unlink()
    night.shell.run(*check, code=1)


def test_no_gate_passes_on_a_policy_that_cannot_be_used(night: Night) -> None:
    shell, policy = night.shell, night.folder / "home/policy.toml"
    policy.write_text("[[rule]]\nlevel = ")
    for gate in (("check",), ("drift",), ("status",), ("refresh", "--all")):
        limit = () if gate == ("check",) else ("--fail-on", "breaking")
        refused = shell.json_error(*gate, *limit, code=2)
        assert refused["code"] == "BAD_POLICY", gate
    shell.run("policy", "show", code=2)
    plain = shell.json("status", "acme")
    assert "BAD_POLICY" in {one["code"] for one in plain["findings"]}
    policy.write_text('[[rule]]\nlevel = "fail"\nobject = "Account"\n')
    [rule] = shell.json("policy", "show")["rule"]
    assert (rule["level"], rule["object"], rule["until"]) == ("fail", "Account", None)
    # A folder has no shared history.
    for command in (("set", str(policy)), ("clear",)):
        assert shell.json_error("policy", *command, code=2)["code"] == "NO_TEAM"


def test_refresh_gate_judges_its_own_changes(
    night: Night,
) -> None:
    night.export("acme", ("Name", "string"), ("CloseDate", "datetime"), ("Amount", "currency"))
    refresh = ("refresh", "acme", "--fail-on", "risky")
    night.shell.run(*refresh, code=4)
    night.shell.run(*refresh)
    night.export("acme", *FIRST)
    night.shell.run("drift", "acme", "--acknowledge", "shown")
    rule = '[[rule]]\nlevel = "ignore"\nreason = "known"\nuntil = 2999-01-01\n'
    (night.folder / "home/policy.toml").write_text(rule)
    night.shell.run(*refresh)


def test_attribute_rule_needs_single_attribute_change(night: Night) -> None:
    policy = night.folder / "home/policy.toml"
    policy.write_text('[[rule]]\nlevel = "fail"\nattribute = "label"\n')
    text = describe(*FIRST).replace('"label": "Name"', '"label": "Deal name"')
    (night.folder / "acme/Opportunity.json").write_text(text)
    found = night.shell.json("check", "acme", code=4)
    assert [(i["subject"]["crmField"], i["severity"], i["level"]) for i in found["findings"]] == [
        ("Name", "safe", "fail")
    ]


def test_every_format_has_every_finding_verbatim(night: Night) -> None:
    text = describe(("Name", "string"), ("Evil__c", "string"))
    evil = "::error::<b>]]>\x1b[31m\r\n# x"
    (night.folder / "acme/Opportunity.json").write_text(
        text.replace('"label": "Evil__c"', f'"label": {json.dumps(evil)}')
    )
    check = ("check", "acme", "--since", "1d", "--no-refresh")
    night.shell.run("refresh", "acme")
    wanted = len(night.shell.json(*check, code=4)["findings"])
    tree = ElementTree.fromstring(night.shell.run(*check, "--format", "junit", code=4).stdout)
    assert len(tree.findall(".//testcase")) == wanted
    lines = night.shell.run(*check, "--format", "github", code=4).stdout.splitlines()
    assert sum(line.startswith("::") for line in lines) == wanted
    page = night.folder / "check.html"
    night.shell.run(*check, "-o", str(page), code=4)
    html = page.read_text()
    assert html.count("<tr class=") == wanted
    assert "\x1b" not in html
    assert page.stat().st_mode & 0o077 == 0


def test_invalid_options_are_rejected_first(night: Night) -> None:
    before = night.shell.json("audit")
    taken = night.folder / "acme/Opportunity.json"
    for arguments in (
        ("acme", "acmee"),
        ("--format", "docx"),
        ("--format", "junit", "--json"),
        ("-o", "x.html", "--format", "junit"),
        ("-o", str(taken)),
        ("--policy", "nowhere.toml"),
        ("--policy", "/dev/zero"),
        ("--since", "soon"),
    ):
        night.shell.run("check", *arguments, code=2)
    assert night.shell.json("audit") == before


def test_a_mapping_file_is_checked_before_any_of_it_is_taken(night: Night) -> None:
    shell, file = night.shell, night.folder / "mapping.json"
    shell.run("export", "acme", "--what", "mapping", "--pair", PAIR, "-o", str(file))
    apply = ("mapping", "apply")
    assert "OTHER_CONNECTION" in shell.run(*apply, "beta", PAIR, str(file), "--json", code=1).stderr
    plan = shell.json(*apply, "beta", PAIR, str(file), "--to", "beta", "--dry-run")
    assert [(c["partnerField"], c["before"], c["after"]) for c in plan["changes"]] == [
        ("estimatedValue", None, "Amount")
    ]
    assert shell.json("mapping", "show", "beta") == []
    assert len(shell.json(*apply, "beta", PAIR, str(file), "--to", "beta")) == 1
    assert shell.json(*apply, "beta", PAIR, str(file), "--to", "beta") == []
    shell.run(*apply, "beta", PAIR, str(file), "--to", "acme", code=2)

    wrong = json.loads(file.read_text())
    held = {"state": "accepted", "direction": "push"}
    wrong["lines"] = [
        {"partnerField": "estimatedValue", "crmField": "Name", **held},
        {"partnerField": "description", "crmField": "Story__c", **held},
        {"partnerField": "nope", "crmField": "Name", **held},
    ]
    file.write_text(json.dumps(wrong, indent=1))
    said = shell.run(*apply, "acme", PAIR, str(file), code=2).stderr
    assert "2 mappings in the file" in said
    assert "Line 14: The CRM has no field 'Story__c'." in said
    assert "Line 20: PartnerOS has no field 'nope'." in said
    assert "Create Story__c in the CRM, then run crmdeck refresh acme" in said
    other = (*apply, "acme", PAIR, str(file), "--map-object", "deal--Opportunity")
    assert "isn't a mapping of deal--Opportunity" in shell.run(*other, code=2).stderr


def test_the_schema_of_a_mapping_file_is_published_and_holds(night: Night) -> None:
    assert mapping_schema.PAGE.read_text("utf-8") == mapping_schema.drawn()
    schema = json.loads(mapping_schema.drawn())
    text = night.shell.run("export", "acme", "--what", "mapping", "--pair", PAIR).stdout
    jsonschema_rs.validate(schema, json.loads(text))
    with pytest.raises(jsonschema_rs.ValidationError):
        jsonschema_rs.validate(schema, {"objectPair": PAIR})


def test_mapping_is_checked_against_current_schema(night: Night) -> None:
    assert night.shell.json("mapping", "check", "acme") == []
    night.export("acme", ("Name", "string"), ("CloseDate", "date"))
    assert night.shell.json("mapping", "check", "acme", "--no-refresh") == []
    (broken,) = night.shell.json("mapping", "check", "acme", PAIR, code=4)
    about = broken["subject"]
    assert (about["partnerField"], about["crmField"]) == ("estimatedValue", "Amount")
    night.shell.run("mapping", "check", "acme", "deal_registration--Nope", code=2)


def test_contract_follows_standard_and_finds_deviations(
    night: Night,
) -> None:
    shell, file = night.shell, night.folder / "contract.yaml"
    export = ("export", "acme", "--what", "contract", "--pair", PAIR)
    shell.run(*export, "-o", str(file))
    contract = yaml.safe_load(file.read_text())
    published = resources.files("open_data_contract_standard") / "schema.json"
    jsonschema_rs.validate(json.loads(published.read_text("utf-8")), contract)
    assert json.loads(shell.run(*export, "--format", "json").stdout) == contract
    (described,) = contract["schema"]
    assert [p["name"] for p in described["properties"]] == ["Amount"]
    check = ("check", "--fail-on", "none", "--contract", str(file))
    assert shell.json(*check, "--no-refresh")["reasons"] == []

    described["properties"].append({"name": "Gone__c"})
    described["properties"][0]["required"] = True
    file.write_text(yaml.safe_dump(contract))
    found = shell.json(*check, "--no-refresh", code=4)
    assert [c["name"] for c in found["connections"]] == ["acme"]
    told = {
        i["subject"]["crmField"]: i["cause"]
        for i in found["findings"]
        if i["kind"] == "contract_broken"
    }
    assert told == {
        "Amount": "The field is no longer required.",
        "Gone__c": "The field doesn't exist.",
    }
    night.export("acme", ("Name", "string"), ("Amount", "string"))
    details = [i["cause"] for i in shell.json(*check, code=4)["findings"]]
    assert "The type is string, not currency." in details
    (night.folder / "acme/Opportunity.json").unlink()
    (night.folder / "acme/Account.json").write_text(
        describe(("Name", "string")).replace("Opportunity", "Account")
    )
    details = [i["cause"] for i in shell.json("check", "acme", *check[1:], code=4)["findings"]]
    assert "The object doesn't exist." in details

    before = shell.json("audit")
    for text in ("", "a: [", "kind: DataContract\napiVersion: v2.2.2", "kind: DataContract"):
        file.write_text(text)
        assert "BAD_CONTRACT" in shell.run(*check, "--json", code=2).stderr
    assert shell.json("audit") == before
    nothing = ("export", "beta", *export[2:])
    shell.run(*nothing, code=2)
