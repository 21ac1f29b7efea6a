"""A quad's log ratio: the candidate's mean log seconds less the reference's; above 0 is slower."""

import math

from bench.record.paired import ABBA, BAAB, CANDIDATE, REFERENCE, Quad


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
    candidate, reference = (map(math.log, quad.of(side)) for side in (CANDIDATE, REFERENCE))
    return math.fsum((*candidate, *(-seconds for seconds in reference))) / 2
