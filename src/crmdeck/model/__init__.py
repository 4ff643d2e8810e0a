"""What things are: frozen records and enums. No I/O, no clock."""

import lazy_loader

# The stub beside this file lists the names; a module is imported when a name of it is first used.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
