"""The fault barrier: whatever fails inside a connector is a failure of that connection."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from crmdeck.errors import CrmdeckError, SourceError
from crmdeck.model import Connection

_log = logging.getLogger(__name__)


@contextmanager
def fault_barrier(connection: Connection) -> Iterator[None]:
    """Turn any unexpected exception of the block into a SourceError about a connection.

    Client libraries raise whatever their parsers raise on an odd answer, so no list of exceptions
    is complete.
    """
    try:
        yield
    except CrmdeckError:
        raise
    except Exception as error:
        _log.exception("The connector of %s failed.", connection.name)
        failure = SourceError(
            f"Can't process a response from {connection.name}.",
            cause=f"The response has an unexpected form ({type(error).__name__}).",
            remedy=f"Refresh again: crmdeck refresh {connection.name}",
            code="UNEXPECTED_ANSWER",
        )
        failure.connection = connection.name
        raise failure from error
