"""A launch's quads to the one number that stands for it, and how much launches and quads differ.

A quad's log ratio is that of the candidate's mean log seconds over the reference's; above 0 is slower.
"""

import math

from bench.record.paired import ABBA, BAAB, Quad

REFERENCE_LETTER = "A"


def quad_log_ratio(quad: Quad) -> float:
    """Returns the mean log seconds of the candidate's two blocks less those of the reference's.

    Raises ValueError for another order than ABBA and BAAB, for more or fewer than four blocks, and for a time that
    isn't above 0.
    """
    if quad.order not in (ABBA, BAAB) or len(quad.seconds) != len(quad.order):
        raise ValueError(
            f"a quad of order {quad.order!r} with {len(quad.seconds)} blocks: the run is damaged, measure again"
        )
    wrong = next((seconds for seconds in quad.seconds if not 0 < seconds < math.inf), None)
    if wrong is not None:
        raise ValueError(f"a block of {wrong} seconds a step: the run is damaged, measure again")
    signed = (
        -math.log(s) if side == REFERENCE_LETTER else math.log(s)
        for side, s in zip(quad.order, quad.seconds, strict=True)
    )
    return math.fsum(signed) / 2
