"""How bad a change is, as a sign, a word and a state: never by colour alone. Pure."""

from __future__ import annotations

from crmdeck.model import Severity

SIGNS = {Severity.BREAKING: "✕", Severity.RISKY: "▲", Severity.SAFE: "•"}
STATES = {Severity.BREAKING: "error", Severity.RISKY: "warn", Severity.SAFE: "muted"}
COLOURS = {Severity.BREAKING: "$bad", Severity.RISKY: "$warn", Severity.SAFE: "$muted"}
