"""What all tests share: hypothesis draws the same examples every time, and no deadline (the machine may be busy)."""

from hypothesis import settings

settings.register_profile("steady", derandomize=True, deadline=None, print_blob=True)
settings.register_profile("search", deadline=None)  # fresh examples: pytest --hypothesis-profile=search
settings.load_profile("steady")
