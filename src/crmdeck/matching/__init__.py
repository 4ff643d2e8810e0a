"""Pure: two field lists in, a suggestion for each PartnerOS field out."""

from crmdeck.lazy import lazy_names

__getattr__, __dir__, __all__ = lazy_names(__name__, __file__)
