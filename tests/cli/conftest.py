"""What all tests of the command line have."""

from tests.caches import copied_caches

__all__ = ["copied_caches"]
