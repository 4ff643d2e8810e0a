"""The command over a team's database: what may be seen of its address, and what must not."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.shell import Shell, describe
from tests.postgres import postgres_url

__all__ = ["postgres_url"]

pytest.importorskip("psycopg")

SECRET = "pa55:w/d"
ENCODED = "pa55%3Aw%2Fd"


class Team(Shell):
    """Runs the command over a database."""

    def __init__(self, url: str, data: Path) -> None:
        super().__init__(data)
        self.url = url

    def environment(self, more: object) -> dict[str, str]:
        return {
            "CRMDECK_HOME": self.url,
            "CRMDECK_CACHE_WAIT": "30",
            "XDG_DATA_HOME": f"{self.home}",
        }


@pytest.mark.parametrize(
    ("url", "said", "code"),
    [
        (f"postgresql://me:{ENCODED}@127.0.0.1:1/db", "postgresql://me@127.0.0.1:1/db", 5),
        (f"postgresql://me@127.0.0.1:1/db?password={ENCODED}", "127.0.0.1:1/db", 5),
        (f"postgresql://me:x@{ENCODED}@127.0.0.1:1/db", "isn't a PostgreSQL URL", 2),
        (f"mysql://me:{ENCODED}@127.0.0.1:1/db", "isn't a PostgreSQL URL", 2),
    ],
)
def test_bad_database_url_is_reported_without_password(
    url: str, said: str, code: int, tmp_path: Path
) -> None:
    team = Team(url, tmp_path)
    for command in (["status"], ["status", "--json"], ["doctor"], ["refresh", "--all"]):
        done = team.attempt(*command)
        assert done.code == (1 if command == ["doctor"] and code == 2 else code), done
        told = done.stdout + done.stderr
        assert said in told.replace("\n", " ")
        assert SECRET not in told
        assert ENCODED not in told


def test_a_password_in_the_address_is_kept_nowhere(postgres_url: str, tmp_path: Path) -> None:
    # The server of the tests asks for none, so any will do.
    user, rest = postgres_url.removeprefix("postgresql://").split("@", 1)
    team = Team(f"postgresql://{user}:{ENCODED}@{rest}", tmp_path / "data")
    export = tmp_path / "Opportunity.json"
    export.write_text(describe(("Name", "string")))
    told = [
        team.run(
            *("connections", "add", "acme", "--source", "files", "--platform", "salesforce"),
            *("--path", str(export)),
        ),
        team.run("refresh", "acme"),
        team.attempt("doctor"),
        team.run("backup", str(tmp_path / "b.zip")),
        team.run("audit", "--json"),
    ]
    shown = "".join(done.stdout + done.stderr for done in told)
    assert "PostgreSQL" in shown
    kept = b"".join(file.read_bytes() for file in tmp_path.rglob("*") if file.is_file())
    assert b"manifest.json" in kept
    names = "".join(map(str, tmp_path.rglob("*")))
    for secret in (SECRET, ENCODED):
        assert secret not in shown + names
        assert secret.encode() not in kept
    assert json.loads(told[-1].stdout)


def test_a_policy_of_the_team_is_set_shown_and_removed(postgres_url: str, tmp_path: Path) -> None:
    team, file = Team(postgres_url, tmp_path / "data"), tmp_path / "rules.toml"
    assert team.json_error("policy", "set", str(file), code=2)["code"] == "BAD_POLICY"
    file.write_text('[[rule]]\nlevel = "ignore"\nreason = "agreed"\nuntil = 2999-01-01\n')
    set_ = team.json("policy", "set", str(file))
    assert set_ == team.json("policy", "show")
    assert [rule["reason"] for rule in set_["rule"]] == ["agreed"]
    assert "agreed" in team.run("policy", "show").stdout
    assert team.json("policy", "clear") == team.json("policy", "show") == {"rule": []}
    summaries = [each["summary"] for each in team.json("audit", "--limit", "2")]
    assert summaries == ["Removed the policy", "Set the policy from rules.toml"]
