"""What a Salesforce formula looks at."""

from __future__ import annotations

import re
from collections.abc import Collection

# Texts and comments contain no fields; a name after a dot is a field of another object.
_TOKENS = re.compile(r'"(?:\\.|[^"\\])*"|\'(?:\\.|[^\'\\])*\'|/\*.*?\*/|[\w.$]+', re.DOTALL)


def fields_in(formula: str, names: Collection[str]) -> tuple[str, ...]:
    """Return the fields among `names` that a formula uses, in order.

    `Account.Owner.Name` uses the field of its first step: `AccountId`, or `Deal__c` for a custom
    `Deal__r`.
    """
    by_fold = {name.casefold(): name for name in names}
    found = []
    for token in _TOKENS.findall(formula):
        if token[0] in "\"'/$":
            continue
        first, dot, _ = token.partition(".")
        steps = [first]
        if dot:
            custom = re.sub(r"__r$", "__c", first, flags=re.IGNORECASE)
            steps = [custom if custom != first else f"{first}Id"]
        found += [by_fold[step.casefold()] for step in steps if step.casefold() in by_fold]
    return tuple(dict.fromkeys(found))
