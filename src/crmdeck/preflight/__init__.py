"""Preflight: which writes a CRM will reject or change, before a sync sends them. Pure."""
