"""Groups of commands whose help is fast and plain."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import typer
from typer.core import TyperGroup

from crmdeck.cli.usage import no_such_command

_Context: Any = TyperGroup.context_class
_Formatter: Any = _Context.formatter_class
_BOUND = "\N{NON-BREAKING HYPHEN}"


class WholeWords(_Formatter):  # type: ignore[misc]
    """Help in which no word is broken at a hyphen: names and options are copied from it."""

    def write_text(self, text: str) -> None:
        """Write a paragraph."""
        super().write_text(text.replace("-", _BOUND))

    def write_dl(self, rows: Sequence[tuple[str, str]], *args: Any, **kwargs: Any) -> None:
        """Write what there is beside what it does."""
        bound = [(name, told.replace("-", _BOUND)) for name, told in rows]
        super().write_dl(bound, *args, **kwargs)

    def getvalue(self) -> str:
        """Return all of it."""
        return str(super().getvalue()).replace(_BOUND, "-")


_Context.formatter_class = WholeWords


class Group(TyperGroup):
    """A group whose help, and whose commands' help, loads no pydantic."""

    def get_help_option(self, ctx: Any) -> Any:
        """Return the option --help, which is False where it is not given."""
        option = super().get_help_option(ctx)
        if option is not None:
            # Typer leaves it None, and hands everything that is not a bool to pydantic.
            option.default = False
        return option

    def parse_args(self, ctx: Any, args: list[str]) -> Any:
        """Parse what stands before the command; its help is told before, and ends all."""
        inner = self.get_command(ctx, args[0]) if args and args[0][:1] != "-" else None
        if inner is not None and any(word in ctx.help_option_names for word in args):
            # The options of this group have values, and typer loads pydantic for those.
            inner.make_context(args[0], args[1:], parent=ctx)
        return super().parse_args(ctx, args)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Return the command that is called, its name and arguments; says which was meant."""
        name = args[0]
        if self.get_command(ctx, name) is None and not name.startswith("-"):
            ctx.fail(no_such_command(name, self.list_commands(ctx)))
        return super().resolve_command(ctx, args)


def command_group(
    name: str | None = None, *, cls: type[Group] = Group, help: str = "", lone: bool = False
) -> typer.Typer:
    """Return a group to register commands on; a `lone` one does something without any."""
    return typer.Typer(
        name=name,
        cls=cls,
        help=help,
        no_args_is_help=not lone,
        add_completion=False,
        pretty_exceptions_enable=False,
        # Rich draws help in panels, and takes longer to import than all else together.
        rich_markup_mode=None,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
