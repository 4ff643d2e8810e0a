"""What each signal weighs. Written by `python -m tests.bench.matching.fit --write`.

Fitted on the seven gold sets of the shared data folder and the 27 hand-made ones beside the
script. Left out by family, on the seven (macro means, `python -m tests.bench.matching.evaluate`):

with the encoder    hit@1 .967, hit@3 .989, MRR .977; confidence >= 0.9: 98.7 % right, 86.0 % held
without             hit@1 .967, hit@3 .989, MRR .977
"""

from __future__ import annotations

from crmdeck.matching.profile import Calibration, Profile

WITH_ENCODER = Profile(
    signals={
        "concept": 2.482,
        "closest": 1.966,
        "union": 1.424,
        "label": 1.368,
        "letters": 1.834,
        "words": 1.563,
        "type": 4.395,
        "values": 2.11,
        "short_cosine": 4.138,
        "long_cosine": 2.699,
    },
    against={"conflict": 2.018, "shell": 6.0, "twin": 3.1, "secondary": 2.87, "locked": 1.863},
    calibration=Calibration(
        intercept=-1.695, naming=0.1316, row_margin=0.4804, column_margin=0.1483
    ),
)

WITHOUT_ENCODER = Profile(
    signals={
        "concept": 2.676,
        "closest": 2.625,
        "union": 2.235,
        "label": 2.173,
        "letters": 2.904,
        "words": 2.309,
        "type": 5.056,
        "values": 2.251,
    },
    against={"conflict": 2.009, "shell": 6.0, "twin": 2.806, "secondary": 2.948, "locked": 2.119},
    calibration=Calibration(
        intercept=-2.0635, naming=0.0958, row_margin=0.5402, column_margin=0.2471
    ),
)
