"""A mistake on the command line, told in one line with the word that was meant."""

from __future__ import annotations

import re
from typing import Any

from crmdeck.errors import UsageError
from crmdeck.text import did_you_mean, nearest

_NOT_ONE_OF = re.compile(r"'(?P<given>[^']*)' is not one of (?P<known>.*?)\.?$")
_ERROR = "Value error, "
# A word that is meant differs in a letter or two.
_ALIKE = 0.6


def usage_error(error: Any) -> UsageError:
    """Return what the parser has to say as an error of ours, with the nearest right word.

    `error` is one of the parser's, whose kinds are not public; each tells itself in a sentence.
    """
    told = " ".join(error.format_message().replace(_ERROR, "").split())
    told = told if told.endswith((".", "?")) else f"{told}."
    context = getattr(error, "ctx", None)
    option = getattr(error, "option_name", None)
    if option is not None and context is not None:
        known = [
            name
            for holder in (context, context.find_root())
            for each in holder.command.get_params(holder)
            for name in each.opts
            if name.startswith("-")
        ]
        name = option if option.startswith("-") else f"--{option}"
        if re.match(r"-\d", name):
            return UsageError(
                f"'{name}' reads as an option.",
                remedy="Where it is a value, put -- before it.",
                code="BAD_ARGUMENTS",
            )
        if name not in known:
            told = f"There is no option '{name}'."
        near = _near_option(name, known)
    else:
        match = _NOT_ONE_OF.search(told)
        known = re.findall(r"'([^']*)'", match["known"]) if match else []
        near = nearest(match["given"], known, most=1) if match else []
    remedy = None
    if near and option not in near:
        remedy = did_you_mean(near)
    elif context is not None and "Did you mean" not in told:
        remedy = f"{context.command_path} --help lists what it takes."
    return UsageError(told, remedy=remedy, code="BAD_ARGUMENTS")


def _near_option(name: str, known: list[str]) -> list[str]:
    # The dashes, which all options have, would make any two of them alike.
    bare = {option.lstrip("-"): option for option in known}
    near = nearest(name.lstrip("-"), bare, most=1, likeness=_ALIKE)
    return [bare[each] for each in near]


def no_such_command(name: str, known: list[str]) -> str:
    """Return that there is no command of that name, and which may have been meant."""
    near = nearest(name, known, likeness=_ALIKE)
    return " ".join((f"There is no command '{name}'.", *([did_you_mean(near)] if near else [])))
