"""HubSpot, reached through hubspot-api-client."""

from crmdeck.lazy import lazy_names

# The client library takes over half a second to import, and few commands need it.
__getattr__, __dir__, __all__ = lazy_names(__name__, __file__)
