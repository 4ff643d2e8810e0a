"""The headless face. stdout is data, stderr is talk, exit codes are a contract."""

from __future__ import annotations

import atexit
import gc
import io
import os
import sys
from pathlib import Path

_COMPLETION = "_CRMDECK_COMPLETE"
_ANYWHERE = ("--quiet", "--no-color")
_OF_ALL = ("-h", "--help", "--version")
_OF_MOST = ("--home", "--demo", "--json")

_BARE = {(): False, ("demo",): True}
"""What opens the console without options, and whether over the demo: it needs no parser."""


def main() -> None:
    """Run the command line; no traceback ever reaches the user unless CRMDECK_DEBUG is set."""
    _prepare_streams()
    # Looking for circles in all that was imported took a sixth of a command, as it ended.
    atexit.register(gc.freeze)
    try:
        _run(tuple(sys.argv[1:]))
    except KeyboardInterrupt:
        raise SystemExit(130) from None
    except Exception as error:  # noqa: BLE001
        if os.environ.get("CRMDECK_DEBUG"):
            import traceback

            from crmdeck.redaction import redact

            sys.stderr.write(redact(traceback.format_exc()))
            raise SystemExit(1) from None
        name = type(error).__name__
        sys.stderr.write(
            f"crmdeck: something went wrong that should not have ({name}).\n"
            "  Run it again with CRMDECK_DEBUG=1 and report what it prints.\n"
        )
        raise SystemExit(1) from None


def _run(arguments: tuple[str, ...]) -> None:
    # Imports are in here, since Ctrl+C may come while they go on.
    if _COMPLETION in os.environ:
        from crmdeck.cli.completion import complete

        complete(arguments)
        raise SystemExit(0)
    _require_text(arguments)
    demo = _BARE.get(arguments)
    if demo is not None:
        from crmdeck.cli.launch import open_console

        raise SystemExit(open_console(demo=demo))
    # A command is short: looking for circles among what was just imported took a twentieth of it.
    gc.set_threshold(200_000)
    from crmdeck.cli.app import app

    app(_ordered(arguments), prog_name="crmdeck")


def _require_text(arguments: tuple[str, ...]) -> None:
    """End with what is wrong where an argument is neither UTF-8 nor names what is there.

    Only the name of a file may hold other bytes: no database takes them, and none has them.
    """
    for argument in arguments:
        if argument.isascii() or argument.isprintable():
            continue
        try:
            argument.encode()
        except UnicodeEncodeError:
            if Path(argument).exists():
                continue
            from crmdeck.cli.output import report_error
            from crmdeck.errors import UsageError

            error = UsageError(
                f"'{argument}' holds bytes that are not UTF-8.",
                remedy="Write it in UTF-8; see which encoding the terminal or the script has.",
                code="BAD_ARGUMENTS",
            )
            report_error(error, as_json="--json" in arguments)
            raise SystemExit(int(error.exit_code)) from None


def _ordered(arguments: tuple[str, ...]) -> list[str]:
    """Return the arguments as the parser wants them.

    What holds for all commands may stand anywhere and is put first; what most of them take may
    stand before a command and is put behind it. Options without a command are those of the
    console.
    """
    end = arguments.index("--") if "--" in arguments else len(arguments)
    common = [each for each in arguments[:end] if each in _ANYWHERE]
    rest = [each for each in arguments[:end] if each not in _ANYWHERE]
    before = 0
    while before < len(rest) and rest[before].partition("=")[0] in _OF_MOST:
        before += 2 if rest[before] == "--home" else 1
    if before < len(rest) and not rest[before].startswith("-"):
        rest = [*rest[before:], *rest[:before]]
    if not rest or (rest[0].startswith("-") and rest[0] not in _OF_ALL):
        rest = ["console", *rest]
    return [*common, *rest, *arguments[end:]]


def _prepare_streams() -> None:
    """Let a closed stream swallow what is written, and one that knows few letters show the rest."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            # At once, so that no file that is opened later takes the descriptor's place.
            setattr(sys, name, Path(os.devnull).open("w", encoding="utf-8"))  # noqa: SIM115
        elif isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
