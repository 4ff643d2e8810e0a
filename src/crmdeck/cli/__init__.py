"""The command line: data goes to stdout, messages to stderr, and exit codes are a contract."""

from __future__ import annotations

import atexit
import contextlib
import gc
import io
import os
import sys
from pathlib import Path

_COMPLETION = "_CRMDECK_COMPLETE"
_ANYWHERE = ("--quiet", "--verbose", "--no-color")
_OF_ALL = ("-h", "--help", "--version", "--spec")
_OF_MOST = ("--home", "--demo", "--json")

_BARE = {(): False, ("demo",): True}
"""Command lines that open the console without a parser, and whether they open the demo."""


def main() -> None:
    """Run the command line; print a traceback only if CRMDECK_DEBUG is set."""
    _prepare_streams()
    # The sentence encoder multiplies small matrices: more threads only wait for each other, which
    # takes several times the processor time. numpy reads this when it is imported.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    # Collecting garbage at exit, after all those imports, took a sixth of a command's time.
    atexit.register(gc.freeze)
    try:
        _run(tuple(sys.argv[1:]))
    # A shell reports 128 and the number of the signal, which is 2 for Ctrl+C.
    except KeyboardInterrupt:
        raise SystemExit(130) from None
    # The reader of a pipe stopped early, which is its right: `crmdeck --help | head -1`.
    except BrokenPipeError:
        _replace_closed_pipes()
        raise SystemExit(141) from None
    except Exception as error:  # noqa: BLE001
        _end_if_expected(error)
        if os.environ.get("CRMDECK_DEBUG"):
            import traceback

            from crmdeck.redaction import redact

            sys.stderr.write(redact(traceback.format_exc()))
            raise SystemExit(1) from None
        name = type(error).__name__
        sys.stderr.write(
            f"crmdeck: unexpected error ({name}).\n"
            "  Run the command again with CRMDECK_DEBUG=1 and report its output.\n"
        )
        raise SystemExit(1) from None


def _replace_closed_pipes() -> None:
    """Drop buffered output, because flushing it at exit would fail again."""
    nothing = os.open(os.devnull, os.O_WRONLY)
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            try:
                stream.flush()
            except BrokenPipeError:
                os.dup2(nothing, stream.fileno())


def _end_if_expected(error: Exception) -> None:
    """Report an error with a next step, such as output that can't be written, and exit."""
    from crmdeck.cli.output import report_error, write_failed
    from crmdeck.errors import CrmdeckError

    if isinstance(error, io.UnsupportedOperation):
        # The parser prints help and doesn't know that stdout is closed.
        error = write_failed(error)
    if isinstance(error, CrmdeckError):
        report_error(error, as_json="--json" in sys.argv)
        raise SystemExit(int(error.exit_code)) from None


def _run(arguments: tuple[str, ...]) -> None:
    # The imports are in here because Ctrl+C can arrive while they run.
    if _COMPLETION in os.environ:
        from crmdeck.cli.completion import complete

        complete(arguments)
        raise SystemExit(0)
    _require_text(arguments)
    demo = _BARE.get(arguments)
    if demo is not None:
        from crmdeck.cli.launch import open_console

        raise SystemExit(open_console(demo=demo))
    # Collecting garbage among fresh imports took a twentieth of a short command's time.
    gc.set_threshold(200_000)
    from crmdeck.cli.app import app

    app(_ordered(arguments), prog_name="crmdeck")


def _require_text(arguments: tuple[str, ...]) -> None:
    """Exit with an error if an argument is neither UTF-8 nor the name of an existing file.

    Only file names can contain other bytes: no database stores them.
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
                f"'{argument}' isn't valid UTF-8.",
                remedy="Check the encoding of your terminal or script, and use UTF-8.",
                code="BAD_ARGUMENTS",
            )
            report_error(error, as_json="--json" in arguments)
            raise SystemExit(int(error.exit_code)) from None


def _ordered(arguments: tuple[str, ...]) -> list[str]:
    """Return the arguments in the order that the parser needs.

    Options of all commands can appear anywhere and move to the front. Options of most commands
    can precede the command and move behind it. Options without a command belong to `console`.
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
    """Replace closed streams, and escape characters that a stream can't encode."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            # Open it now: otherwise the next file that opens gets this descriptor.
            # Messages may get lost, but data must not: writing to this stdout fails.
            mode = "r" if name == "stdout" else "w"
            setattr(sys, name, Path(os.devnull).open(mode, encoding="utf-8"))  # noqa: SIM115
        elif isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
