"""JSON values as YAML."""

from __future__ import annotations

import re

from crmdeck.exports.jsontext import UNSAFE

_PLAIN = re.compile(r"(?!(?:y|n|Y|N)$)[^\W\d].*", re.DOTALL)
"""A text that every reader reads as text, if PyYAML writes it without quotes.

PyYAML quotes the numbers and words of YAML 1.1 only, but writes `1e5`, a number of YAML 1.2.
"""


def to_yaml(value: object) -> str:
    """Return a JSON value as YAML that is safe to print, with keys in their order."""
    import yaml

    class Dumper(yaml.SafeDumper):
        def ignore_aliases(self, data: object) -> bool:
            return True

    def represent_text(dumper: Dumper, text: str) -> yaml.ScalarNode:
        style = '"' if not text.isprintable() else None if _PLAIN.fullmatch(text) else "'"
        return dumper.represent_scalar("tag:yaml.org,2002:str", text, style)

    Dumper.add_representer(str, represent_text)
    text = yaml.dump(value, Dumper=Dumper, allow_unicode=True, sort_keys=False, width=float("inf"))
    # PyYAML leaves some of these as they are, but only between the double quotes from above.
    return UNSAFE.sub(lambda match: f"\\u{ord(match[0]):04x}", text)
