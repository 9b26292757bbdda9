"""Distances on the Earth."""

from typing import cast

from forerun.events.calls import declared
from forerun.events.expression import call


@declared
def distance_km(
    latitude: float | None, longitude: float | None, to_latitude: float | None, to_longitude: float | None
) -> float:
    """Kilometres between two places along a great circle.

    By the haversine formula on a sphere with the mean radius of the Earth, 6371.0088 km (R1 of GRS 80), which
    is within 0.6 % of the distance on the ellipsoid.

    Args:
        latitude: Of the first place, in degrees, north positive.
        longitude: Of the first place, in degrees, east positive.
        to_latitude: Of the second.
        to_longitude: Of the second.

    Returns:
        The distance; null where a latitude is beyond 90 degrees or a longitude beyond 360.

    >>> from forerun.events.rounding import round
    >>> from forerun.features.aggregates import last
    >>> from forerun.testing.doors import Opened, at_eleven
    >>> at_eleven(last(round(distance_km(40.6925, -74.1687, 33.9425, -118.4081))))  # Newark to Los Angeles
    3941
    """
    return cast(float, call("distance_km", latitude, longitude, to_latitude, to_longitude))
