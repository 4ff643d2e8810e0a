"""PartnerOS, or a crmdeck server, reached through the Integrations API."""

from crmdeck.lazy import lazy_names

__getattr__, __dir__, __all__ = lazy_names(__name__, __file__)
