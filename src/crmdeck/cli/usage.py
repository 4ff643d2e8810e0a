"""Mistakes on the command line, each in one line with the likely right word."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from crmdeck.errors import UsageError
from crmdeck.text import did_you_mean, nearest

if TYPE_CHECKING:
    import typer
    from typer._click import Context

_NOT_ONE_OF = re.compile(r"'(?P<given>[^']*)' is not one of (?P<known>.*?)\.?$")
_NOT_A_NUMBER = re.compile(r"Invalid value for '(?P<name>[^']*)': Input should be (?P<rule>.*)\.")
# The parser's rules about numbers, and how a sentence about an option continues.
_NUMBER_RULES = {
    "a valid integer": "takes a whole number",
    "a valid number": "takes a number",
    "a finite number": "takes a number",
    "greater than or equal to": "must be at least",
    "greater than": "must be more than",
    "less than or equal to": "must be at most",
    "less than": "must be less than",
}
_ERROR = "Value error, "
_ALIKE = 0.6
"""The least likeness of a typo: it differs in a letter or two."""


def usage_error(error: typer.TyperException) -> UsageError:
    """Return one of the parser's errors as ours, with the nearest right word."""
    message = " ".join(error.format_message().replace(_ERROR, "").split())
    message = message if message.endswith((".", "?")) else f"{message}."
    message = _about_numbers(message)
    # The parser's own classes, which have these attributes, are not public.
    context: Context | None = getattr(error, "ctx", None)
    option: str | None = getattr(error, "option_name", None)
    if option is not None and context is not None:
        known = [
            name
            for holder in (context, context.find_root())
            for each in holder.command.get_params(holder)
            for name in each.opts
            if name.startswith("-")
        ]
        name = option if option.startswith("-") else f"--{option}"
        # A negative number is the value that most often looks like an option.
        if re.match(r"-\d", name):
            return UsageError(
                f"'{name}' looks like an option.",
                remedy="If it is a value, put -- before it.",
                code="BAD_ARGUMENTS",
            )
        if name not in known:
            message = f"No option named '{name}'."
        near = _near_option(name, known)
    else:
        match = _NOT_ONE_OF.search(message)
        known = re.findall(r"'([^']*)'", match["known"]) if match else []
        # A typo never suggests to turn a gate off.
        known = [each for each in known if each != "none"]
        near = nearest(match["given"], known, most=1) if match else []
    remedy = None
    if near and option not in near:
        remedy = did_you_mean(near)
    elif context is not None and "Did you mean" not in message:
        remedy = f"See {context.command_path} --help"
    return UsageError(message, remedy=remedy, code="BAD_ARGUMENTS")


def _about_numbers(message: str) -> str:
    """Return a message about a number in our words; any other message unchanged."""
    match = _NOT_A_NUMBER.fullmatch(message)
    for rule, words in _NUMBER_RULES.items() if match else ():
        if match and match["rule"].startswith(rule):
            bound = match["rule"].removeprefix(rule).strip() if words.startswith("must") else ""
            return f"{match['name']} {words} {bound}".rstrip() + "."
    return message


def _near_option(name: str, known: list[str]) -> list[str]:
    # Compare without the dashes: all options start with them, so any two would look alike.
    bare = {option.lstrip("-"): option for option in known}
    near = nearest(name.lstrip("-"), bare, most=1, likeness=_ALIKE)
    return [bare[each] for each in near]


def no_such_command(name: str, known: list[str]) -> str:
    """Return the message for an unknown command, with the nearest known ones."""
    near = nearest(name, known, likeness=_ALIKE)
    return " ".join((f"No command named '{name}'.", *([did_you_mean(near)] if near else [])))
