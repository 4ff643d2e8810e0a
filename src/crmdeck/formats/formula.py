"""What a Salesforce formula looks at."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator

# Texts and comments contain no fields; a name after a dot is a field of another object.
_TOKENS = re.compile(r'"(?:\\.|[^"\\])*"|\'(?:\\.|[^\'\\])*\'|/\*.*?\*/|[\w.$]+', re.DOTALL)


def paths_in(formula: str) -> Iterator[tuple[str, ...]]:
    """Yield the names in a formula, each split at its dots: `("Account", "Owner", "Name")`."""
    for token in _TOKENS.findall(formula):
        if token[0] not in "\"'/":
            yield tuple(token.split("."))


def fields_in(formula: str, names: Collection[str]) -> tuple[str, ...]:
    """Return the fields among `names` that a formula uses, in order.

    `Account.Owner.Name` uses the field of its first step: `AccountId`, or `Deal__c` for a custom
    `Deal__r`.
    """
    by_fold = {name.casefold(): name for name in names}
    found = []
    for first, *rest in paths_in(formula):
        step = first
        if rest:
            custom = re.sub(r"__r$", "__c", first, flags=re.IGNORECASE)
            step = custom if custom != first else f"{first}Id"
        if step.casefold() in by_fold:
            found.append(by_fold[step.casefold()])
    return tuple(dict.fromkeys(found))
