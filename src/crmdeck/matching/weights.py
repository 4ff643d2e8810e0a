"""What each signal weighs. Written by `python -m tests.bench.matching.fit --write`.

Fitted on the seven gold sets of the shared data folder and the 27 hand-made ones beside the
script. Left out by family, on the seven (macro means, `python -m tests.bench.matching.evaluate`):

with the encoder    hit@1 .967, hit@3 .989, MRR .977; confidence >= 0.9: 98.6 % right, 84.8 % held
without             hit@1 .967, hit@3 .984, MRR .977
"""

from __future__ import annotations

from crmdeck.matching.profile import Calibration, Profile

WITH_ENCODER = Profile(
    signals={
        "concept": 2.491,
        "closest": 1.949,
        "union": 1.433,
        "label": 1.333,
        "letters": 1.79,
        "words": 1.541,
        "type": 4.497,
        "values": 2.106,
        "short_cosine": 4.154,
        "long_cosine": 2.689,
    },
    against={"conflict": 1.995, "shell": 6.0, "twin": 3.096, "secondary": 2.87, "locked": 1.858},
    calibration=Calibration(
        intercept=-1.6907, naming=0.1417, row_margin=0.4703, column_margin=0.1378
    ),
)

WITHOUT_ENCODER = Profile(
    signals={
        "concept": 2.682,
        "closest": 2.613,
        "union": 2.253,
        "label": 2.152,
        "letters": 2.866,
        "words": 2.282,
        "type": 5.196,
        "values": 2.248,
    },
    against={"conflict": 1.978, "shell": 6.0, "twin": 2.801, "secondary": 2.948, "locked": 2.118},
    calibration=Calibration(
        intercept=-2.0953, naming=0.0866, row_margin=0.5837, column_margin=0.2405
    ),
)
