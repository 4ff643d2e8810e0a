"""What each signal weighs, as fitted by `tests/bench/matching/fit.py`."""

from __future__ import annotations

from crmdeck.matching.profile import Calibration, Profile

WITH_ENCODER = Profile(
    signals={
        "concept": 3.48,
        "closest": 2.779,
        "union": 0.542,
        "label": 0.0,
        "letters": 2.608,
        "words": 1.987,
        "type": 5.607,
        "values": 0.857,
        "short_cosine": 2.434,
        "long_cosine": 0.0,
    },
    against={"conflict": 1.271, "shell": 0.149, "twin": 2.146, "locked": 0.269},
    calibration=Calibration(-6.3187, 0.612, 0.3768, 0.0528),
)
WITHOUT_ENCODER = Profile(
    signals={
        "concept": 3.564,
        "closest": 3.004,
        "union": 1.446,
        "label": 0.371,
        "letters": 3.031,
        "words": 2.32,
        "type": 5.62,
        "values": 1.048,
    },
    against={"conflict": 1.2, "shell": 0.123, "twin": 2.22, "locked": 0.239},
    calibration=Calibration(-7.2908, 0.6856, 0.4842, 0.0),
)
