"""What holds for every test: the same examples in every run, and no deadline that a busy machine could miss."""

from hypothesis import HealthCheck, settings

settings.register_profile("steady", deadline=None, derandomize=True, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile(
    "search", deadline=None, max_examples=2000, suppress_health_check=[HealthCheck.too_slow]
)  # nightly: --hypothesis-profile=search
settings.load_profile("steady")
