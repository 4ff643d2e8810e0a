"""What a CRM was asked and how its responses look, to attach to an issue: no names, no values."""

from __future__ import annotations

import re
import secrets
from collections import Counter
from collections.abc import Callable
from hashlib import sha256
from urllib.parse import parse_qsl, urlsplit

from pydantic_core import from_json

from crmdeck.connectors.barrier import fault_barrier
from crmdeck.connectors.limits import MEBIBYTE
from crmdeck.errors import CrmdeckError
from crmdeck.model import CancelToken, Connection
from crmdeck.workspace.context import Context

# The words of the APIs' own paths; all others may be names.
_OWN = re.compile(
    r"v\d+(\.\d+)?|\d{4}-\d{2}(-beta)?|account-info|api(-usage)?|composite|crm(-object-schemas)?"
    r"|daily|data|describe|details|drift|duplicates|integrations|introspect|limits|oauth2?"
    r"|object-info|owners|picklist-values|pipelines(-rules)?|private-apps|propert(ies|y-validations)"
    r"|query|refresh|schemas?|services|session|sobjects|status|token|tooling|ui-api|userinfo"
)


def describe_responses(context: Context, connection: Connection) -> dict[str, object]:
    """Test and read a connection; return its requests with the shape of each response.

    Names are hashed with a salt of this report. Responses above 4 MB have no shape.
    """
    salt, requests, results = secrets.token_bytes(16), list[object](), Counter[str]()

    def hide(name: str) -> str:
        return f"#{sha256(salt + name.encode()).hexdigest()[:8]}"

    def note(method: str, url: str, status: int, body: bytes) -> None:
        parts, shape = urlsplit(url), Counter[str]()
        words = parts.path.strip("/").split("/")
        table = re.search(r"\bFROM (\w+)", dict(parse_qsl(parts.query)).get("q", ""))
        try:
            _measure(from_json(body) if len(body) < 4 * MEBIBYTE else {}, "", shape, hide)
        except (ValueError, RecursionError):
            shape["not JSON"] += 1
        path = "/".join(each if _OWN.fullmatch(each) else hide(each) for each in words)
        query = {"from": table[1]} if table else {}
        facts = {"method": method, "path": path, "status": status, "bytes": len(body)}
        requests.append({**facts, **query, "shape": dict(shape)})

    try:
        with fault_barrier(connection):
            connector = context.open_connector(connection, on_body=note)
            connector.probe()
            for item in connector.discover(connection.scope, {}, CancelToken()):
                error = getattr(item, "error", None)
                results[error.code if error else type(item).__name__] += 1
    except CrmdeckError as error:
        results[error.code] += 1
    return {"source": connection.source, "results": dict(results), "requests": requests}


def _measure(value: object, path: str, shape: Counter[str], hide: Callable[[str], str]) -> None:
    """Count the types of values at each path of a JSON value."""
    if isinstance(value, dict):
        for key, each in value.items():
            # Keys in lower case are the API's own words; rows have the columns of the query.
            is_own = re.fullmatch(r"[a-z][A-Za-z]*", key) or "records[]" in path
            _measure(each, f"{path}.{key if is_own else hide(key)}", shape, hide)
        return
    shape[f"{path}: {type(value).__name__}"] += 1
    for each in value if isinstance(value, list) else ():
        _measure(each, f"{path}[]", shape, hide)
