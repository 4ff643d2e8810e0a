"""What all tests of the command line have."""

from tests.caches import copied_caches, plain_plans

__all__ = ["copied_caches", "plain_plans"]
