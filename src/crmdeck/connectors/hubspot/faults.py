"""HubSpot's name in messages, and its table of errors."""

from __future__ import annotations

from crmdeck.connectors.faults import load_faults

WHO = "HubSpot"
FAULTS = load_faults("hubspot", WHO)
