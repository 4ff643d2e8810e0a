"""Command groups with fast, plain help."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import typer
from typer.core import TyperGroup

from crmdeck.cli.usage import no_such_command

if TYPE_CHECKING:
    from typer._click import Command, Context, HelpFormatter
    from typer.core import TyperOption
else:
    HelpFormatter = TyperGroup.context_class.formatter_class

_BOUND = "\N{NON-BREAKING HYPHEN}"


class WholeWords(HelpFormatter):
    """Help that breaks no word at a hyphen, so that names and options can be copied."""

    def write_text(self, text: str) -> None:
        # The parser breaks lines at hyphens, but not at this one. `getvalue` replaces it again.
        super().write_text(text.replace("-", _BOUND))

    def write_dl(
        self, rows: Sequence[tuple[str, str]], col_max: int = 30, col_spacing: int = 2
    ) -> None:
        bound = [(name, text.replace("-", _BOUND)) for name, text in rows]
        super().write_dl(bound, col_max, col_spacing)

    def getvalue(self) -> str:
        return super().getvalue().replace(_BOUND, "-")


# The parser takes the formatter from its context class, and no parameter changes that.
TyperGroup.context_class.formatter_class = WholeWords


class Group(TyperGroup):
    """A command group whose help loads no pydantic."""

    def get_help_option(self, ctx: Context) -> TyperOption | None:
        option = super().get_help_option(ctx)
        if option is not None:
            # Typer loads pydantic for every default that isn't a bool.
            option.default = False
        return option

    def parse_args(self, ctx: Context, args: list[str]) -> list[str]:
        inner = self.get_command(ctx, args[0]) if args and args[0][:1] != "-" else None
        if inner is not None and any(word in ctx.help_option_names for word in args):
            # Show the inner help first: typer loads pydantic for the values of this group.
            inner.make_context(args[0], args[1:], parent=ctx)
        return super().parse_args(ctx, args)

    def resolve_command(
        self, ctx: Context, args: list[str]
    ) -> tuple[str | None, Command | None, list[str]]:
        name = args[0]
        if self.get_command(ctx, name) is None and not name.startswith("-"):
            ctx.fail(no_such_command(name, self.list_commands(ctx)))
        return super().resolve_command(ctx, args)


def command_group(
    name: str | None = None, *, cls: type[Group] = Group, help: str = "", lone: bool = False
) -> typer.Typer:
    """Return a group to register commands on; a `lone` group runs without a command."""
    return typer.Typer(
        name=name,
        cls=cls,
        help=help,
        no_args_is_help=not lone,
        add_completion=False,
        pretty_exceptions_enable=False,
        # Rich draws help in panels and takes longer to import than everything else together.
        rich_markup_mode=None,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
