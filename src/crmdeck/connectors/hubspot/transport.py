"""Who is asked, and what its failures mean."""

from __future__ import annotations

from crmdeck.connectors.faults import load_faults

WHO = "HubSpot"
FAULTS = load_faults("hubspot")
