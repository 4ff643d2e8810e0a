"""Examples below the help of each command.

A test runs them with the demo, except those of `NOT_RUN`, which wait for a user or a
signal, or write files.
"""

from __future__ import annotations

import textwrap

PAIR = "deal_registration--Opportunity"

EXAMPLES: dict[str, tuple[str, ...]] = {
    "console": ("crmdeck console --read-only",),
    "demo": ("crmdeck demo", "crmdeck demo --reset"),
    "connections list": ("crmdeck connections list --demo",),
    "connections add": (
        "crmdeck connections add acme --source files --platform salesforce --path exports",
        "crmdeck connections add acme-prod --source salesforce",
        "crmdeck connections add acme-portal --source hubspot",
        "crmdeck  # opens the console, which asks for everything",
    ),
    "connections set": ("crmdeck connections set acme-prod --ttl-hours 12 --demo",),
    "connections sign-in": ("crmdeck connections sign-in acme-prod --paste",),
    "connections test": ("crmdeck connections test acme-prod --demo",),
    "connections rename": ("crmdeck connections rename legacy-portal old-portal --demo",),
    "status": ("crmdeck status --demo", "crmdeck status acme-prod --demo --json"),
    "findings list": (
        "crmdeck findings --demo",
        "crmdeck findings acme-prod --demo --urgency failing --json",
    ),
    "findings show": ("crmdeck findings show 1586849f2021aafa --demo",),
    "findings accept": (
        "crmdeck findings accept 1586849f2021aafa --until 2099-12-31 --demo"
        " --note 'The field returns in May'",
    ),
    "findings snooze": ("crmdeck findings snooze e03f1ca8c32b2ac1 --until 2099-12-31 --demo",),
    "findings reopen": ("crmdeck findings reopen e03f1ca8c32b2ac1 --demo",),
    "refresh": ("crmdeck refresh acme-prod --demo --fail-on breaking",),
    "check": (
        "crmdeck check --demo --no-refresh",
        "crmdeck check acme-prod --demo --since 30d --fail-on mapped --format junit",
        f"crmdeck export acme-prod --demo --what contract --pair {PAIR} -o deals.yaml &&"
        " crmdeck check acme-prod --demo --no-refresh --contract deals.yaml",
    ),
    "policy show": ("crmdeck policy show --demo",),
    "policy set": ("crmdeck policy set policy.toml --home postgresql://...",),
    "policy clear": ("crmdeck policy clear --home postgresql://...",),
    "watch": ("crmdeck watch acme-prod --demo --times 1",),
    "schema": (
        "crmdeck schema acme-prod --demo",
        "crmdeck schema acme-prod Opportunity --demo --at 30d",
        "crmdeck schema acme-prod Opportunity.Partner__c --demo --used",
        "crmdeck schema acme-prod --demo --api-version next",
    ),
    "impact": (
        "crmdeck impact acme-prod Opportunity.Amount --demo",
        "crmdeck impact acme-prod Opportunity.Description --demo --if shortened --json",
    ),
    "drift": (
        "crmdeck drift acme-prod --demo --since 30d",
        "crmdeck drift --demo --open --severity breaking --json",
        "crmdeck drift --demo --sort severity --columns fieldName,severity --format csv",
    ),
    "compare": ("crmdeck compare acme-prod --demo --at 30d --object Opportunity",),
    "suggest": (f"crmdeck suggest acme-prod {PAIR} --demo --encoder none",),
    "mapping show": (f"crmdeck mapping show acme-prod {PAIR} --demo",),
    "mapping accept": (
        f"crmdeck mapping accept acme-prod {PAIR} description=Description --demo --encoder none",
        f"crmdeck mapping accept acme-prod {PAIR} --confidence 0.95 --demo --encoder none",
    ),
    "mapping reject": (
        f"crmdeck mapping reject acme-prod {PAIR} contactTitle --demo --encoder none",
    ),
    "mapping unmap": (f"crmdeck mapping unmap acme-prod {PAIR} estimatedValue --demo",),
    "mapping move": (f"crmdeck mapping move acme-prod {PAIR} contactEmail --demo",),
    "mapping values": (f"crmdeck mapping values acme-prod {PAIR} accountName --demo",),
    "mapping filled": (f"crmdeck mapping filled acme-prod {PAIR} Name --demo",),
    "mapping undo": (f"crmdeck mapping undo acme-prod {PAIR} --demo",),
    "mapping apply": (
        f"crmdeck export acme-prod --what mapping --pair {PAIR} --demo |"
        f" crmdeck mapping apply acme-prod {PAIR} - --demo --dry-run",
    ),
    "mapping check": ("crmdeck mapping check acme-prod --demo --no-refresh",),
    "preflight": (f"crmdeck preflight acme-prod {PAIR} --demo --filled Name",),
    "explain": (
        "crmdeck explain failed.csv --connection acme-prod",
        "crmdeck explain failed.csv --connection acme-prod -o retry.csv",
        "pbpaste | crmdeck explain - --json",
    ),
    "propose": (f"crmdeck propose acme-prod {PAIR} --field currency --demo",),
    "export": (
        "crmdeck export acme-prod --demo --what dictionary --object Opportunity",
        "crmdeck export --demo --what drift --since 30d --severity risky --format csv",
        f"crmdeck export acme-prod --demo --what contract --pair {PAIR}",
    ),
    "audit": ("crmdeck audit acme-prod --demo --since 7d --event 'schema.*'",),
    "disconnect": ("crmdeck disconnect legacy-portal",),
    "config list": ("crmdeck config list",),
    "config get": ("crmdeck config get ttl_hours",),
    "config set": ("crmdeck config set ttl_hours 12",),
    "backup": ("crmdeck backup crmdeck-backup.zip",),
    "restore": ("crmdeck restore crmdeck-backup.zip --home another-folder",),
    "serve": ("crmdeck serve --port 8475",),
    "serve users add": ("crmdeck serve users add ada@example.com --role admin",),
    "serve users list": ("crmdeck serve users list --json",),
    "serve users set": ("crmdeck serve users set ada@example.com --role viewer",),
    "serve users sign-out": ("crmdeck serve users sign-out ada@example.com",),
    "serve users let-in": ("crmdeck serve users let-in ada@example.com",),
    "serve users remove": ("crmdeck serve users remove ada@example.com",),
    "serve tokens create": ("crmdeck serve tokens create ci --scope read --days 30",),
    "serve tokens list": ("crmdeck serve tokens list",),
    "serve tokens revoke": ("crmdeck serve tokens revoke ci",),
    "serve organizations set": (
        "crmdeck serve organizations set acme --connection acme-prod --connection acme-emea",
    ),
    "serve organizations list": ("crmdeck serve organizations list",),
    "serve organizations remove": ("crmdeck serve organizations remove acme",),
    "mcp": ("crmdeck mcp --demo", "crmdeck mcp --allow-suggestions"),
    "match": ("crmdeck match left.csv right.csv --format markdown",),
    "sandbox": ("crmdeck sandbox --port 8900",),
    "screenshots": ("crmdeck screenshots --check screenshots",),
    "keys": ("crmdeck keys --demo",),
    "completion": ("crmdeck completion bash",),
    "web": ("crmdeck web --demo",),
    "secrets move": ("crmdeck secrets move acme-prod --to workspace",),
    "secrets new-key": ("crmdeck secrets new-key",),
    "secrets rotate": ('CRMDECK_SECRETS_KEY="$NEW $OLD" crmdeck secrets rotate',),
    "team grants": ("crmdeck team grants --home postgresql://... | psql -d crmdeck",),
    "help": ("crmdeck help mapping accept",),
    "version": ("crmdeck version",),
    "doctor": ("crmdeck doctor", "crmdeck doctor --repair"),
}

NOT_RUN = (
    "console", "demo", "connections add", "connections sign-in", "connections rename",
    "disconnect", "policy set", "policy clear", "backup", "restore", "serve", "mcp", "match",
    "sandbox", "screenshots", "explain", "web", "secrets move", "secrets new-key", "secrets rotate",
    "team grants", "doctor", "serve users add", "serve users list", "serve users set",
    "serve users sign-out", "serve users let-in", "serve users remove", "serve tokens create",
    "serve tokens list", "serve tokens revoke", "serve organizations set",
    "serve organizations list", "serve organizations remove",
)  # fmt: skip


def epilog(command: str) -> str | None:
    """Return the examples below the help of a command, None without any."""
    lines = EXAMPLES.get(command)
    return "\b\nExamples:\n" + "\n".join(map(_folded, lines)) if lines else None


def _folded(line: str) -> str:
    """Return a command in lines that fit a page of 80 columns and can be pasted into a shell."""
    parts = textwrap.wrap(line, 68, break_long_words=False, break_on_hyphens=False)
    return "  " + " \\\n      ".join(parts)
