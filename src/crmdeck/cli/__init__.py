"""The headless face. stdout is data, stderr is talk, exit codes are a contract."""

from __future__ import annotations

import os
import sys


def main() -> None:
    """Run the command line; no traceback ever reaches the user unless CRMDECK_DEBUG is set."""
    from crmdeck.cli.app import app

    try:
        app()
    except BrokenPipeError:
        # The reader of a pipe went away; what it wanted it has.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(0) from None
    except KeyboardInterrupt:
        raise SystemExit(130) from None
    except Exception as error:
        if os.environ.get("CRMDECK_DEBUG"):
            raise
        name = type(error).__name__
        sys.stderr.write(
            f"crmdeck: something went wrong that should not have ({name}).\n"
            "  Run it again with CRMDECK_DEBUG=1 and report what it prints.\n"
        )
        raise SystemExit(1) from None
