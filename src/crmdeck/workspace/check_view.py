"""What every face says of a check, handed on from the package below."""

from __future__ import annotations

from crmdeck.exports import check_summary as check_summary
from crmdeck.exports import issue_text as issue_text
