"""A whole in nearly equal shares."""


def shares(whole: int, count: int) -> list[int]:
    """Sizes that add up to the whole and differ by at most one, the larger first."""
    return [whole // count + (share < whole % count) for share in range(count)]
