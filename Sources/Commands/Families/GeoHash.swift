// GeoHash.swift — places on the earth as numbers of 52 bits, and distances between them.
//
//      longitude -180 … 180, latitude -85.05112878 … 85.05112878 (where a square map ends)
//      each becomes 26 bits; the bits are interleaved, latitude first in the lowest place
//
//          10 │ 11          Places near each other mostly share a beginning, so a square of the map is a
//         ────┼────         range of numbers, and a sorted set by that number is a map. What lies across
//          00 │ 01          an edge may be far away as a number: a search looks into nine squares.
//
// The formulas are those of Redis, to the order of their additions, so that every digit agrees.
#if canImport(Glibc)
  import Glibc
#else
  import Musl
#endif

/// A place, in degrees.
struct GeoPoint: Equatable {
  var longitude: Double
  var latitude: Double

  static var longitudes: ClosedRange<Double> { -180...180 }
  static var latitudes: ClosedRange<Double> { -85.05112878...85.05112878 }

  /// Whether a map has it.
  var isOnMap: Bool { Self.longitudes.contains(longitude) && Self.latitudes.contains(latitude) }

  static func radians(_ degrees: Double) -> Double { degrees * (Double.pi / 180.0) }
  static func degrees(_ radians: Double) -> Double { radians / (Double.pi / 180.0) }

  static var earthRadiusMeters: Double { 6372797.560856 }

  /// Meters between two places, by the haversine formula on a sphere.
  func distance(to other: GeoPoint) -> Double {
    let here = (longitude: Self.radians(longitude), latitude: Self.radians(latitude))
    let there = (longitude: Self.radians(other.longitude), latitude: Self.radians(other.latitude))
    let across = sin((there.longitude - here.longitude) / 2)
    guard across != 0 else { return GeoPoint.meridianDistance(here.latitude, there.latitude) }
    let along = sin((there.latitude - here.latitude) / 2)
    let chord = along * along + cos(here.latitude) * cos(there.latitude) * across * across
    return 2.0 * Self.earthRadiusMeters * asin(chord.squareRoot())
  }

  /// Meters between two latitudes, in radians, of one meridian.
  private static func meridianDistance(_ a: Double, _ b: Double) -> Double { earthRadiusMeters * abs(b - a) }

  /// Meters between this latitude and another, in degrees.
  func latitudeDistance(to other: Double) -> Double {
    Self.meridianDistance(Self.radians(latitude), Self.radians(other))
  }
}

/// A square of the map: `step` bits of longitude and as many of latitude, interleaved.
struct GeoSquare: Equatable {
  var bits: UInt64
  /// 1 to 26.
  var step: UInt8

  static var stepMax: UInt8 { 26 }

  init(bits: UInt64, step: UInt8) {
    self.bits = bits
    self.step = step
  }

  /// The square that a place on the map lies in. The top edge belongs to no square; it is put into the last.
  init(_ point: GeoPoint, step: UInt8 = stepMax, latitudes: ClosedRange<Double> = GeoPoint.latitudes) {
    self.step = step
    let scale = Double(UInt64(1) << UInt64(step))
    let longitude = Self.share(point.longitude, GeoPoint.longitudes) * scale
    let latitude = Self.share(point.latitude, latitudes) * scale
    bits = Self.interleave(Self.cell(latitude), Self.cell(longitude))
  }

  private static func share(_ value: Double, _ range: ClosedRange<Double>) -> Double {
    (value - range.lowerBound) / (range.upperBound - range.lowerBound)
  }

  private static func cell(_ scaled: Double) -> UInt32 {
    UInt32(exactly: scaled.rounded(.down)) ?? (scaled < 0 ? 0 : .max)
  }

  /// Bits of `even` at the even places, those of `odd` at the odd ones.
  static func interleave(_ even: UInt32, _ odd: UInt32) -> UInt64 { spread(even) | spread(odd) << 1 }

  private static func spread(_ bits: UInt32) -> UInt64 {
    var x = UInt64(bits)
    x = (x | x << 16) & 0x0000_FFFF_0000_FFFF
    x = (x | x << 8) & 0x00FF_00FF_00FF_00FF
    x = (x | x << 4) & 0x0F0F_0F0F_0F0F_0F0F
    x = (x | x << 2) & 0x3333_3333_3333_3333
    return (x | x << 1) & 0x5555_5555_5555_5555
  }

  private static func gather(_ bits: UInt64) -> UInt32 {
    var x = bits & 0x5555_5555_5555_5555
    x = (x | x >> 1) & 0x3333_3333_3333_3333
    x = (x | x >> 2) & 0x0F0F_0F0F_0F0F_0F0F
    x = (x | x >> 4) & 0x00FF_00FF_00FF_00FF
    x = (x | x >> 8) & 0x0000_FFFF_0000_FFFF
    return UInt32(truncatingIfNeeded: x | x >> 16)
  }

  // MARK: back to the map

  /// The degrees that the square covers.
  struct Area: Equatable {
    var longitudes: ClosedRange<Double>
    var latitudes: ClosedRange<Double>
  }

  var area: Area {
    let scale = Double(UInt64(1) << UInt64(step))
    func range(_ cell: UInt32, _ whole: ClosedRange<Double>) -> ClosedRange<Double> {
      let size = whole.upperBound - whole.lowerBound
      return whole.lowerBound + (Double(cell) / scale) * size...whole.lowerBound + (Double(cell) + 1) / scale * size
    }
    return Area(
      longitudes: range(Self.gather(bits >> 1), GeoPoint.longitudes),
      latitudes: range(Self.gather(bits), GeoPoint.latitudes))
  }

  /// Its middle, kept on the map.
  var center: GeoPoint {
    let area = area
    let longitude = (area.longitudes.lowerBound + area.longitudes.upperBound) / 2
    let latitude = (area.latitudes.lowerBound + area.latitudes.upperBound) / 2
    return GeoPoint(
      longitude: min(max(longitude, GeoPoint.longitudes.lowerBound), GeoPoint.longitudes.upperBound),
      latitude: min(max(latitude, GeoPoint.latitudes.lowerBound), GeoPoint.latitudes.upperBound))
  }

  /// The scores of a sorted set that lie in the square: from the first up to but without the second.
  var scores: Range<UInt64> {
    let shift = UInt64(52 - Int(step) * 2)
    return bits << shift..<(bits + 1) << shift
  }

  /// The square so many to the east and to the north; the map is round both ways. What lies on the last edge of the
  /// map has one bit more than there is room for, which only a move along that edge's axis takes away: so does Redis.
  func moved(east: Int, north: Int) -> GeoSquare {
    let mask = UInt32(truncatingIfNeeded: (UInt64(1) << UInt64(step)) - 1)
    var longitude = Self.gather(bits >> 1)
    var latitude = Self.gather(bits)
    if east != 0 { longitude = (longitude &+ UInt32(truncatingIfNeeded: east)) & mask }
    if north != 0 { latitude = (latitude &+ UInt32(truncatingIfNeeded: north)) & mask }
    return GeoSquare(bits: Self.interleave(latitude, longitude), step: step)
  }

  // MARK: text

  /// The eleven letters that other programs know the place by; there latitudes go from -90 to 90.
  static func text(_ point: GeoPoint) -> InlineArray<11, UInt8> {
    let alphabet: StaticString = "0123456789bcdefghjkmnpqrstuvwxyz"
    let square = GeoSquare(point, latitudes: -90...90)
    var letters = InlineArray<11, UInt8>(repeating: UInt8(ascii: "0"))
    // Ten letters hold 50 bits. The two that are left make no letter, so the last is always zero.
    for index in 0..<10 {
      letters[index] = alphabet.utf8Start[Int(square.bits >> UInt64(52 - (index + 1) * 5) & 31)]
    }
    return letters
  }
}
