"""A console for the CRM connections of a PartnerOS organization."""

__version__ = "0.1.0"
