// GeoArea.swift — what a search covers, and the squares of the map that it has to look into.
//
//     ┌────┬────┬────┐      The square that the middle lies in is as small as may be while the area reaches no
//     │ NW │ N  │ NE │      further than its neighbours. Of the eight those are left out that the area does not
//     ├────┼────┼────┤      touch.
//     │ W  │ ●  │ E  │
//     ├────┼────┼────┤
//     │ SW │ S  │ SE │
//     └────┴────┴────┘
#if canImport(Glibc)
  import Glibc
#else
  import Musl
#endif

/// Degrees that an area reaches over.
struct GeoBounds: Equatable {
  var west: Double
  var south: Double
  var east: Double
  var north: Double
}

struct GeoArea {
  enum Shape: Equatable {
    /// All within so many meters.
    case circle(radius: Double)
    /// All within so many meters from west to east and from south to north.
    case box(width: Double, height: Double)
    /// All within the corners.
    case polygon(GeoPolygon)

    var isPolygon: Bool {
      guard case .polygon = self else { return false }
      return true
    }
  }

  var center: GeoPoint
  var shape: Shape

  /// Meters to its outermost place.
  private var radius: Double {
    switch shape {
    case .circle(let radius): radius
    case .box(let width, let height): ((width / 2) * (width / 2) + (height / 2) * (height / 2)).squareRoot()
    case .polygon(let polygon): polygon.radius
    }
  }

  /// How far a place is from the middle, in meters; nil if it lies outside.
  func distance(to point: GeoPoint) -> Double? {
    switch shape {
    case .circle(let radius):
      let distance = center.distance(to: point)
      return distance <= radius ? distance : nil
    case .box(let width, let height):
      guard center.latitudeDistance(to: point.latitude) <= height / 2 else { return nil }
      let sideways = GeoPoint(longitude: center.longitude, latitude: point.latitude).distance(to: point)
      return sideways <= width / 2 ? center.distance(to: point) : nil
    case .polygon(let polygon): return polygon.contains(point) ? center.distance(to: point) : nil
    }
  }

  /// The degrees that it reaches over, at its widest.
  private var bounds: GeoBounds {
    switch shape {
    case .circle(let radius): bounds(width: radius, height: radius)
    case .box(let width, let height): bounds(width: width / 2, height: height / 2)
    case .polygon(let polygon): polygon.bounds
    }
  }

  /// - Parameters: meters that it reaches to the west and east, and to the south and north, at most.
  private func bounds(width: Double, height: Double) -> GeoBounds {
    let latitudes = GeoPoint.degrees(height / GeoPoint.earthRadiusMeters)
    let (north, south) = (center.latitude + latitudes, center.latitude - latitudes)
    // The half that lies nearer to a pole is the wider in degrees.
    let nearPole = center.latitude < 0 ? south : north
    let longitudes = GeoPoint.degrees(width / GeoPoint.earthRadiusMeters / cos(GeoPoint.radians(nearPole)))
    return GeoBounds(
      west: center.longitude - longitudes, south: south, east: center.longitude + longitudes, north: north)
  }

  /// How fine squares may be for an area of this radius at this latitude.
  private static func step(radius: Double, latitude: Double) -> UInt8 {
    guard radius > 0 else { return GeoSquare.stepMax }
    var radius = radius
    var step = 1
    while radius < 20_037_726.37 && step < 1_000 {
      radius *= 2
      step += 1
    }
    // Two less, so that the area lies within the nine squares; towards the poles squares are narrower.
    step -= 2
    if latitude > 66 || latitude < -66 {
      step -= 1
      if latitude > 80 || latitude < -80 { step -= 1 }
    }
    return UInt8(min(max(step, 1), Int(GeoSquare.stepMax)))
  }

  /// The squares to look into, the middle first, each once.
  var squares: [GeoSquare] {
    let bounds = bounds
    var step = Self.step(radius: radius, latitude: center.latitude)
    var origin = center
    // The middle of a polygon around a pole may lie beyond the map.
    if shape.isPolygon { origin.latitude = min(max(origin.latitude, -85), 85) }
    var middle = GeoSquare(origin, step: step)
    // Neighbours that end before the area does: one step coarser. That is enough for what is round; the corners of a
    // polygon may be nearer than its edges, where these are long.
    while step > 1, !middle.reaches(bounds) {
      step -= 1
      middle = GeoSquare(origin, step: step)
      guard shape.isPolygon else { break }
    }
    let area = middle.area
    var result = [middle]
    for (east, north) in [(0, 1), (0, -1), (1, 0), (-1, 0), (1, 1), (-1, 1), (1, -1), (-1, -1)] {
      if step >= 2 {
        if area.latitudes.lowerBound < bounds.south && north < 0 { continue }
        if area.latitudes.upperBound > bounds.north && north > 0 { continue }
        if area.longitudes.lowerBound < bounds.west && east < 0 { continue }
        if area.longitudes.upperBound > bounds.east && east > 0 { continue }
      }
      let square = middle.moved(east: east, north: north)
      // Squares as large as half of the map are their own neighbours on the other side.
      if !result.contains(square) { result.append(square) }
    }
    return result
  }
}

extension GeoSquare {
  /// Whether the square's neighbours reach as far as `bounds`.
  fileprivate func reaches(_ bounds: GeoBounds) -> Bool {
    moved(east: 0, north: 1).area.latitudes.upperBound >= bounds.north
      && moved(east: 0, north: -1).area.latitudes.lowerBound <= bounds.south
      && moved(east: 1, north: 0).area.longitudes.upperBound >= bounds.east
      && moved(east: -1, north: 0).area.longitudes.lowerBound <= bounds.west
  }
}
