"""Open a workspace for a command, and turn errors into exit codes."""

from __future__ import annotations

import contextlib
import inspect
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields, is_dataclass
from datetime import datetime
from typing import Annotated, Any, NamedTuple, Self, TypeVar, get_type_hints

import typer

from crmdeck import model, workspace
from crmdeck.cli.completion import index_names
from crmdeck.cli.options import option_of
from crmdeck.cli.output import report_error, say, set_filter
from crmdeck.errors import CrmdeckError, ExitCode, UsageError, install_hint
from crmdeck.home import require_home
from crmdeck.text import ago

T = TypeVar("T")
C = TypeVar("C", bound=Callable[..., "ExitCode | None"])
_EXTRAS = {
    "jq": "filter JSON",
    "mcp": "answer assistants",
    "serve": "serve",
    "web": "serve the console",
}
"""What each optional extra is for."""
_KEYWORD = inspect.Parameter.KEYWORD_ONLY


class Needs(NamedTuple):
    """What a command needs besides its parameters.

    `demo` is True if it runs in the demo too, `creates` if it can create the workspace. `extra` is
    the optional extra that it needs.
    """

    demo: bool = True
    creates: bool = False
    extra: str | None = None


def needs(
    *, demo: bool = True, creates: bool = False, extra: str | None = None
) -> Callable[[C], C]:
    """Declare what a command needs besides its parameters."""

    def mark(command: C) -> C:
        setattr(command, "needs", Needs(demo, creates, extra))  # noqa: B010
        return command

    return mark


def with_options(command: Callable[..., ExitCode | None], path: str) -> Callable[..., None]:
    """Return a command for the parser, with the rows of the table of options as its parameters.

    A parameter `ws` becomes --home and --demo, and a parameter that is a dataclass its fields: the
    options of each list, of each change and of a sign-in. The command exits with the code that it
    returns; a CrmdeckError becomes its exit code.
    """
    needed: Needs = getattr(command, "needs", Needs())
    # Evaluating this annotation would load the workspace before help is shown.
    opens = command.__annotations__.pop("ws", None) is not None
    bundles: dict[str, tuple[Callable[..., Any], list[str]]] = {}
    own: list[inspect.Parameter] = []
    shared: list[inspect.Parameter] = []
    for each in inspect.signature(command, eval_str=True).parameters.values():
        if is_dataclass(each.annotation):
            kind: Any = each.annotation
            hints = get_type_hints(kind)
            bundle = [
                inspect.Parameter(one.name, _KEYWORD, default=one.default, annotation=hint)
                for one in fields(kind)
                if one.init and (hint := hints[one.name])
            ]
            bundles[each.name] = (kind, [one.name for one in bundle])
            shared += bundle
        elif each.name != "ws":
            own.append(each)
    if opens:
        place = inspect.signature(_location, eval_str=True).parameters.values()
        shared += [each for each in place if needed.demo or each.name != "demo"]
    given_by_name = {each.name: each for each in (*own, *shared)}
    # --json and what it filters stay last.
    ordered = sorted(given_by_name.values(), key=lambda each: each.name == "as_json")
    parameters = [_parameter(each, path) for each in ordered]
    if "as_json" in given_by_name:
        parameters.append(_jq(path))

    def run(**given: Any) -> None:
        given.pop("jq", None)
        # --format says too whether errors are JSON.
        as_json = given.get("as_json", False) or given.get("format") == "json"
        with failing(as_json):
            taken = {each for _, names in bundles.values() for each in names}
            made = {
                name: make(**{each: given[each] for each in names})
                for name, (make, names) in bundles.items()
            }
            plain = {name: value for name, value in given.items() if name not in taken} | made
            extra = with_extra(needed.extra) if needed.extra else contextlib.nullcontext()
            if opens:
                home, demo = plain.pop("home"), plain.pop("demo", False)
                with open_workspace(home, demo, as_json, creates=needed.creates) as ws, extra:
                    code = command(ws, **plain)
            else:
                with extra:
                    code = command(**plain)
        if code:
            raise typer.Exit(int(code))

    run.__name__, run.__doc__ = command.__name__, command.__doc__
    setattr(run, "__signature__", inspect.Signature(parameters))  # noqa: B010
    return run


def _location(home: str | None = None, demo: bool = False) -> None: ...


def _parameter(each: inspect.Parameter, path: str, **more: Any) -> inspect.Parameter:
    """Return a parameter that the parser reads as its row of the table says."""
    if each.annotation is typer.Context:
        return each
    row = option_of(path, each.name)
    names = (f"--{each.name.replace('_', '-')}",) if row.names is None else row.names
    value = row.value
    if value is None and row.words is not None:
        value = f"[{'|'.join(row.words())}]"
    common = {"help": row.help, "metavar": value, "min": row.least, "max": row.most, **more}
    is_plain_flag = each.default is False and "/" not in "".join(names)
    if is_plain_flag or each.default in (None, inspect.Parameter.empty):
        common["show_default"] = False
    if row.variable:
        common |= {"envvar": row.variable, "show_envvar": True}
    info = typer.Option(*names, **common) if names else typer.Argument(**common)
    return each.replace(annotation=Annotated[each.annotation, info], kind=_KEYWORD)


def _jq(path: str) -> inspect.Parameter:
    jq = inspect.Parameter("jq", _KEYWORD, default=None, annotation=str | None)
    return _parameter(jq, path, callback=_use_filter)


def _use_filter(expression: str | None) -> None:
    if expression is not None:
        with failing(as_json=True), with_extra("jq"):
            set_filter(expression)


@contextlib.contextmanager
def open_workspace(
    home: str | None, demo: bool, as_json: bool = False, *, creates: bool = False
) -> Iterator[workspace.Workspace]:
    """Open the workspace of a command; a CrmdeckError inside becomes its exit code.

    Only a command that `creates` may name a workspace that doesn't exist.
    """
    with failing(as_json):
        require_home(home, demo=demo, creates=creates)
        with workspace.open_demo() if demo else workspace.Workspace.open(home) as opened:
            # With --json, stderr has only error objects.
            if not as_json:
                opened.report_waits(say)
                if demo and (changed := workspace.demo_changed_at(opened)) is not None:
                    when = ago(changed, opened.now)
                    say(f"The demo was changed {when}. Restore it with crmdeck demo --reset.")
            yield opened
            # The command has succeeded: a busy cache may only cost it the completion of new names.
            with contextlib.suppress(CrmdeckError):
                index_names(opened)


def say_empty(ws: workspace.Workspace) -> None:
    """Show the next two commands in a workspace without connections."""
    add = ws.command_line("connections add NAME", source="SOURCE")
    say(f"No connections yet. Add one: {add}")
    say("Or try the demo: crmdeck demo")


def moment(text: str | None, ws: workspace.Workspace, *, as_of: bool = False) -> datetime | None:
    """Return the time that an option names, None without one; raises UsageError.

    With `as_of`, a date means the end of that day.
    """
    return workspace.parse_past_moment(text, ws.now, as_of=as_of) if text else None


def time_range(
    since: str | None, until: str | None, ws: workspace.Workspace
) -> tuple[datetime | None, datetime | None]:
    """Return the times of --since and --until; raises UsageError if the first is later."""
    begin, end = moment(since, ws), moment(until, ws)
    if begin and end and begin > end:
        raise UsageError(
            "--since is later than --until.", remedy="Use an earlier --since or a later --until."
        )
    return begin, end


@dataclass(frozen=True)
class ChangeMode:
    """How a command changes rows: as a dry run, without asking, reported as JSON."""

    dry_run: bool = False
    yes: bool = False
    as_json: bool = False

    def carry_out(
        self,
        ws: workspace.Workspace,
        act: Callable[[], T],
        show: Callable[[T], None],
        number: Callable[[T], int],
    ) -> None:
        """Change rows and show them; at a terminal, ask first if their `number` is above 1.

        A dry run and a question try the change with its real checks, and discard it.
        """
        asks = not (self.yes or self.as_json) and sys.stdin.isatty() and sys.stderr.isatty()
        if self.dry_run or asks:
            with ws.context.rehearse():
                planned = act()
            if self.dry_run or number(planned) > 1:
                show(planned)
            if self.dry_run:
                say("Dry run: nothing was changed.")
                return
            if number(planned) > 1 and not typer.confirm("Make these changes?", err=True):
                raise typer.Abort
        show(act())


@contextlib.contextmanager
def failing(as_json: bool = False) -> Iterator[None]:
    """Report a CrmdeckError raised inside, and exit with its code."""
    try:
        yield
    except CrmdeckError as error:
        report_error(error, as_json=as_json)
        raise typer.Exit(int(error.exit_code)) from None


@contextlib.contextmanager
def with_extra(extra: str) -> Iterator[None]:
    """Raise UsageError if a package of an optional extra is missing."""
    try:
        yield
    except ModuleNotFoundError as error:
        raise UsageError(
            f"Can't {_EXTRAS[extra]}: the {error.name} package isn't installed.",
            remedy=install_hint(extra),
            code="EXTRA_MISSING",
        ) from None


class ProgressLine:
    """A line of progress on a terminal's stderr; any thread can call it.

    A wait is reported once, on a line of its own, in a pipe too.
    """

    def __init__(self, name: str = "") -> None:
        self._prefix = f"{name}: " if name else ""
        self._stream = sys.stderr
        self._shown = self._stream.isatty()
        self._drawn = ""
        self._waiting = ""
        # Several connections report progress at the same time, and half lines must not mix.
        self._turn = threading.Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.done()

    def done(self) -> None:
        """Clear the line."""
        with self._turn:
            self._draw("")

    def __call__(self, progress: model.Progress) -> None:
        with self._turn:
            if progress.waiting != self._waiting:
                self._waiting = progress.waiting
                if progress.waiting:
                    self._draw("")
                    say(f"{self._prefix}{progress.waiting}")
            if progress.total and self._shown:
                self._draw(f"{self._prefix}{progress.done} of {progress.total}")
            elif progress.done and self._shown:
                self._draw(f"{self._prefix}{progress.done:,} {progress.label}")

    def _draw(self, text: str) -> None:
        if text != self._drawn:
            # Spaces clear the old text: not every terminal knows the escape code for it.
            self._stream.write(f"\r{text.ljust(len(self._drawn))}" + ("" if text else "\r"))
            self._stream.flush()
            self._drawn = text
