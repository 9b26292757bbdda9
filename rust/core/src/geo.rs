//! Distances on the Earth.

/// Mean radius of the Earth: R1 = (2a + b) / 3 of GRS 80, H. Moritz, "Geodetic Reference System 1980", 2000.
pub const EARTH_RADIUS_KM: f64 = 6371.0088;

/// The great-circle distance of two places in kilometres, coordinates in degrees; NaN where they are none.
///
/// The haversine formula (R. W. Sinnott, "Virtues of the Haversine", 1984) on a sphere: off by up to 0.6 % from
/// the distance on the ellipsoid. libm and not the platform's functions: the same bits on every host.
///
/// ```
/// use forerun_core::geo::distance_km;
///
/// let (newark, los_angeles) = ([40.6925, -74.1687], [33.9425, -118.4081]);
/// let km = distance_km(newark[0], newark[1], los_angeles[0], los_angeles[1]);
/// assert!((3940.0..3942.0).contains(&km));
/// assert!(distance_km(91.0, 0.0, 0.0, 0.0).is_nan());
/// ```
#[must_use]
pub fn distance_km(lat_a: f64, lon_a: f64, lat_b: f64, lon_b: f64) -> f64 {
    let beyond = |degrees: f64, limit: f64| degrees.abs() > limit;
    if beyond(lat_a, 90.0) || beyond(lat_b, 90.0) || beyond(lon_a, 360.0) || beyond(lon_b, 360.0) {
        return f64::NAN;
    }
    let half_sine = |degrees: f64| libm::sin(radians(degrees) / 2.0);
    let (north, east) = (half_sine(lat_b - lat_a), half_sine(lon_b - lon_a));
    let shrunk = libm::cos(radians(lat_a)) * libm::cos(radians(lat_b));
    let haversine = (north * north + shrunk * (east * east)).min(1.0);
    2.0 * EARTH_RADIUS_KM * libm::atan2(haversine.sqrt(), (1.0 - haversine).sqrt())
}

fn radians(degrees: f64) -> f64 {
    degrees * (std::f64::consts::PI / 180.0)
}
