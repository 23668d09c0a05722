"""What holds for all tests."""

from hypothesis import settings

# No test is about time: a busy machine takes longer.
settings.register_profile("patient", deadline=None)
settings.register_profile("quick", deadline=None, max_examples=10)  # for `make check`; `make test` tries a hundred
settings.load_profile("patient")
