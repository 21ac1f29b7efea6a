"""tfgate: measures environments with `lm`, and decides, with known error rates, whether one is as correct and as fast
as another. ARCHITECTURE.md has the map.
"""
