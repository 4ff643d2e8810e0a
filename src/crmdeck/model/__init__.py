"""What things are: frozen records and enums. No I/O, no clock."""

import lazy_loader

# What there is stands in the stub beside this file; a module is imported when it is asked for.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
