"""A console for the CRM connections of a PartnerOS organisation."""

__version__ = "0.1.0"
