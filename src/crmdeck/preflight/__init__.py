"""Preflight: which writes a CRM will refuse or change, before a sync sends them. Pure."""
