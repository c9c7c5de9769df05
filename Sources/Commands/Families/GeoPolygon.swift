// GeoPolygon.swift — an area with corners, of any form: BYPOLYGON.
//
//      ●───────●       On the flat map: edges are straight in degrees. A place is within if a line from it to the
//      │  ×────┼──▶    east crosses the edges an odd number of times. The middle, from which distances are told, is
//      │    ●──●       that of the corners on the globe: the mean of their directions from the centre of the earth.
//      ●───/
#if canImport(Glibc)
  import Glibc
#else
  import Musl
#endif

struct GeoPolygon: Equatable {
  /// At least three, in order around the area; the last is connected with the first.
  let corners: [GeoPoint]

  static var cornersMin: Int { 3 }

  /// The middle of the corners, on the globe.
  var center: GeoPoint {
    var (x, y, z) = (0.0, 0.0, 0.0)
    for corner in corners {
      let (longitude, latitude) = (GeoPoint.radians(corner.longitude), GeoPoint.radians(corner.latitude))
      x += cos(latitude) * cos(longitude)
      y += cos(latitude) * sin(longitude)
      z += sin(latitude)
    }
    let longitude = atan2(y, x)
    let latitude = atan2(z, (x * x + y * y).squareRoot())
    return GeoPoint(longitude: GeoPoint.degrees(longitude), latitude: GeoPoint.degrees(latitude))
  }

  /// Whether a place is within. One on an edge belongs to one of the two sides.
  func contains(_ point: GeoPoint) -> Bool {
    var isWithin = false
    guard var previous = corners.last else { return false }
    for corner in corners {
      if (corner.latitude > point.latitude) != (previous.latitude > point.latitude) {
        let slope = (previous.longitude - corner.longitude) / (previous.latitude - corner.latitude)
        if point.longitude < slope * (point.latitude - corner.latitude) + corner.longitude { isWithin.toggle() }
      }
      previous = corner
    }
    return isWithin
  }

  /// The degrees that it reaches over.
  var bounds: GeoBounds {
    var bounds = GeoBounds(west: .infinity, south: .infinity, east: -.infinity, north: -.infinity)
    for corner in corners {
      bounds.west = min(bounds.west, corner.longitude)
      bounds.east = max(bounds.east, corner.longitude)
      bounds.south = min(bounds.south, corner.latitude)
      bounds.north = max(bounds.north, corner.latitude)
    }
    return bounds
  }

  /// Meters from the middle to the furthest corner.
  var radius: Double {
    let center = center
    return corners.reduce(0) { max($0, center.distance(to: $1)) }
  }
}
