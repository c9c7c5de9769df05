// GeoTests.swift — places, squares and distances, against figures of redis-server 7.0.15.
import Bytes
import Testing

@testable import Commands

private let palermo = GeoPoint(longitude: 13.361389, latitude: 38.115556)
private let catania = GeoPoint(longitude: 15.087269, latitude: 37.502669)

/// Squares and their middles are those of Redis to the last digit.
@Test func squaresAreThoseOfRedis() {
  #expect(GeoSquare(palermo).bits == 3_479_099_956_230_698)
  #expect(GeoSquare(catania).bits == 3_479_447_370_796_909)
  #expect(GeoPoint(score: 3_479_099_956_230_698) == GeoPoint(longitude: 13.36138933897018433, latitude: 38.11555639549629859))
  for (point, text) in [(palermo, "sqc8b49rny0"), (catania, "sqdtr74hyu0")] {
    let letters = GeoSquare.text(GeoPoint(score: Double(GeoSquare(point).bits)))
    #expect(letters.span.withUnsafeBytes { String(decoding: $0, as: UTF8.self) } == text)
  }
}

/// Distances have the digits that Redis gives them.
@Test func distancesAreThoseOfRedis() {
  let bench = Workbench()
  bench.run("GEOADD", "s", "13.361389", "38.115556", "Palermo", "15.087269", "37.502669", "Catania")
  #expect(bench.record == "*6|$4|ZADD|$1|s|$16|3479099956230698|$7|Palermo|$16|3479447370796909|$7|Catania|")
  #expect(bench.run("GEODIST", "s", "Palermo", "Catania") == "$11|166274.1516|")
  #expect(bench.run("GEODIST", "s", "Palermo", "Catania", "mi") == "$8|103.3182|")
  #expect(bench.run("GEODIST", "s", "Palermo", "none") == "$-1|")
  #expect(bench.run("GEOPOS", "s", "Palermo", "none") == "*2|*2|$20|13.36138933897018433|$20|38.11555639549629859|*-1|")
  #expect(
    bench.run("GEOSEARCH", "s", "FROMLONLAT", "15", "37", "BYRADIUS", "200", "km", "ASC", "WITHDIST")
      == "*2|*2|$7|Catania|$7|56.4413|*2|$7|Palermo|$8|190.4424|")
  #expect(bench.run("GEOSEARCHSTORE", "d", "s", "FROMMEMBER", "Palermo", "BYBOX", "1", "1", "km") == ":1|")
  #expect(bench.events.last == "geosearchstore d")
}

/// A search finds what looking at every place finds.
@Test(arguments: [UInt64(41), 42, 43]) func searchesFindWhatIsThere(seed: UInt64) {
  var random = RandomNumbers(seed: seed)
  let points = (0..<400).map { _ in
    let exact = GeoPoint(
      longitude: .random(in: GeoPoint.longitudes, using: &random), latitude: .random(in: -80...80, using: &random))
    return (GeoSquare(exact).bits, GeoPoint(score: Double(GeoSquare(exact).bits)))
  }
  for round in 0..<200 {
    let center = GeoPoint(
      longitude: .random(in: -170...170, using: &random), latitude: .random(in: -60...60, using: &random))
    // Within a quarter of the earth: larger areas reach around it.
    let size = Double.random(in: 1...(round % 2 == 0 ? 10_000 : 2_000_000), using: &random)
    let shape = round % 3 == 0 ? GeoArea.Shape.box(width: size, height: size / 2) : .circle(radius: size)
    let area = GeoArea(center: center, shape: shape)
    let squares = area.squares
    for (bits, point) in points where area.distance(to: point) != nil {
      #expect(squares.contains { $0.scores.contains(bits) }, "\(center) \(shape) \(point)")
    }
  }
}

/// The middle of a polygon, and so its distances, are those of Valkey 9.1.2; its errors too.
@Test func polygonsAreThoseOfValkey() {
  let bench = Workbench()
  bench.run("GEOADD", "s", "13.361389", "38.115556", "Palermo", "15.087269", "37.502669", "Catania")
  bench.run("GEOADD", "s", "12.496366", "41.902782", "Rome", "2.352222", "48.856613", "Paris")
  func search(_ words: String) -> String {
    bench.run(bytes: ["GEOSEARCH", "s"].map { Array($0.utf8) } + words.split(separator: " ").map { Array($0.utf8) })
  }
  let square = "BYPOLYGON 4 10 35 10 45 20 45 20 35"
  #expect(search(square + " ASC") == "*3|$7|Palermo|$7|Catania|$4|Rome|")
  #expect(
    search(square + " DESC WITHDIST")
      == "*3|*2|$4|Rome|$11|289854.9210|*2|$7|Catania|$11|289835.3308|*2|$7|Palermo|$11|262838.6297|")
  // Palermo lies outside the corner that is cut off.
  #expect(search("BYPOLYGON 4 10 35 10 45 20 45 14 39 WITHDIST") == "*1|*2|$4|Rome|$11|118160.7687|")
  #expect(search("BYPOLYGON 3 0 0 0 0 0 0 ASC") == "*0|")
  #expect(search("BYPOLYGON 2 1 1 2 2 ASC") == "-ERR GEOSEARCH BYPOLYGON must have at least 3 vertices|")
  #expect(search("BYPOLYGON 9 1 1 2 2 3 3") == "-ERR GEOSEARCH BYPOLYGON must have at least 3 vertices|")
  #expect(search("BYPOLYGON x 1 1 2 2 3 3") == "-ERR invalid number of vertices|")
  #expect(search("FROMLONLAT 1 1 " + square) == "-ERR syntax error|")
  #expect(search(square + " FROMLONLAT 1 1") == "-ERR syntax error|")
  #expect(search(square + " BYRADIUS 1 m") == "-ERR syntax error|")
}

/// Polygons of any form, up to the whole map, miss nothing of what is within.
@Test(arguments: [UInt64(44), 45, 46]) func polygonsFindWhatIsThere(seed: UInt64) {
  var random = RandomNumbers(seed: seed)
  let points = (0..<400).map { _ in
    let exact = GeoPoint(
      longitude: .random(in: GeoPoint.longitudes, using: &random), latitude: .random(in: -85...85, using: &random))
    return (GeoSquare(exact).bits, GeoPoint(score: Double(GeoSquare(exact).bits)))
  }
  for round in 0..<200 {
    let reach = round % 4 == 0 ? 180 : Double.random(in: 0.01...60, using: &random)
    let middle = GeoPoint(
      longitude: .random(in: -180...180, using: &random), latitude: .random(in: -85...85, using: &random))
    let corners = (0..<Int.random(in: 3...9, using: &random)).map { _ in
      GeoPoint(
        longitude: min(180, max(-180, middle.longitude + .random(in: -reach...reach, using: &random))),
        latitude: min(85, max(-85, middle.latitude + .random(in: -reach...reach, using: &random))))
    }
    let polygon = GeoPolygon(corners: corners)
    let squares = GeoArea(center: polygon.center, shape: .polygon(polygon)).squares
    for (bits, point) in points where polygon.contains(point) {
      #expect(squares.contains { $0.scores.contains(bits) }, "\(corners) \(point)")
    }
  }
}

/// Numbers that no map has are refused, wherever they stand.
@Test(arguments: ["nan", "inf", "-inf", "1e400", "181", "-181", "x", ""])
func numbersOffTheMapAreRefused(text: String) {
  let bench = Workbench()
  #expect(bench.run("GEOADD", "s", text, "1", "a").hasPrefix("-ERR"))
  #expect(bench.run("GEOADD", "s", "1", text, "a").hasPrefix("-ERR"))
  #expect(bench.run("GEOSEARCH", "s", "FROMLONLAT", text, "1", "BYRADIUS", "1", "km").hasPrefix("-ERR"))
  #expect(bench.run("EXISTS", "s") == ":0|")
}

/// Members with any score at all are some place.
@Test func strangeScoresAreSomePlace() {
  let bench = Workbench()
  for (index, score) in ["-1", "inf", "-inf", "1e300", "18446744073709551615", "4503599627370496", "0.5"].enumerated() {
    bench.run("ZADD", "s", score, "m\(index)")
  }
  for index in 0..<7 {
    #expect(bench.run("GEOPOS", "s", "m\(index)").hasPrefix("*1|*2|"))
    #expect(bench.run("GEODIST", "s", "m0", "m\(index)").hasPrefix("$"))
    #expect(bench.run("GEOHASH", "s", "m\(index)").hasPrefix("*1|$11|"))
    #expect(bench.run("GEOSEARCH", "s", "FROMMEMBER", "m\(index)", "BYRADIUS", "30000", "km", "WITHDIST").hasPrefix("*"))
  }
}
