// Geo+Places.swift — GEOADD, GEODIST, GEOHASH and GEOPOS.
import Bytes
import CDecimal
import Store
import Wire

/// What distances are told in.
enum GeoUnit {
  case meters, kilometers, feet, miles

  init?(_ word: ByteView) {
    if word.equalsIgnoringCase("m") {
      self = .meters
    } else if word.equalsIgnoringCase("km") {
      self = .kilometers
    } else if word.equalsIgnoringCase("ft") {
      self = .feet
    } else if word.equalsIgnoringCase("mi") {
      self = .miles
    } else {
      return nil
    }
  }

  var meters: Double {
    switch self {
    case .meters: 1
    case .kilometers: 1000
    case .feet: 0.3048
    case .miles: 1609.34
    }
  }
}

extension Execution {
  /// The unit that word `index` is. Answers the error and nil.
  func geoUnit(_ index: Int) -> GeoUnit? {
    guard let unit = GeoUnit(arguments[index]) else {
      reply.error("ERR unsupported unit provided. please use M, KM, FT, MI")
      return nil
    }
    return unit
  }

  /// The place that word `index` and the next one say. Answers the error and nil.
  func geoPoint(_ index: Int) -> GeoPoint? {
    guard let longitude = arguments[index].score, let latitude = arguments[index + 1].score else {
      reply.error("ERR value is not a valid float")
      return nil
    }
    let point = GeoPoint(longitude: longitude, latitude: latitude)
    guard point.isOnMap else {
      withUnsafeTemporaryAllocation(byteCount: Int(MARTLET_DECIMAL_TEXT_MAX), alignment: 1) { room in
        guard let out = room.baseAddress else { return }
        reply.beginError()
        reply.part("ERR invalid longitude,latitude pair ")
        reply.part(ByteView(start: out, count: martlet_decimal_fixed(longitude, 6, out)))
        reply.part(",")
        reply.part(ByteView(start: out, count: martlet_decimal_fixed(latitude, 6, out)))
        reply.end()
      }
      return nil
    }
    return point
  }

  /// The sorted set at word `index`, nil if there is none. Answers WRONGTYPE and `refused`.
  mutating func geoSet(_ index: Int) -> (set: SortedSetView?, isRefused: Bool) {
    switch read(arguments[index], as: .sortedSet) {
    case .refused: return (nil, true)
    case .absent:
      pin(nil, word: index)
      return (nil, false)
    case .found(let location):
      pin(location, word: index)
      return (SortedSetView(location.entry), false)
    }
  }
}

extension GeoPoint {
  /// The middle of the square that a score is. Scores that no GEOADD has made are some place too.
  init(score: Double) {
    let bits = UInt64(exactly: score.rounded(.towardZero)) ?? 0
    self = GeoSquare(bits: bits, step: GeoSquare.stepMax).center
  }
}

extension Reply {
  /// Four digits behind the point.
  func geoDistance(_ distance: Double) {
    withUnsafeTemporaryAllocation(byteCount: Int(MARTLET_DECIMAL_TEXT_MAX), alignment: 1) { room in
      guard let out = room.baseAddress else { return }
      bulk(ByteView(start: out, count: martlet_decimal_fixed(distance, 4, out)))
    }
  }

  /// Longitude and latitude, with as many of seventeen digits behind the point as are not zero.
  func geoPoint(_ point: GeoPoint) {
    array(2)
    for degrees in [point.longitude, point.latitude] {
      withUnsafeTemporaryAllocation(byteCount: Int(MARTLET_DECIMAL_TEXT_MAX), alignment: 1) { room in
        guard let out = room.baseAddress else { return }
        double(digits: ByteView(start: out, count: martlet_decimal_trimmed(degrees, out)))
      }
    }
  }
}

extension Geo {
  /// Adding a place is adding a member with its square as the score: that is what is done, and recorded.
  static func add(_ execution: inout Execution) {
    let words = execution.arguments
    var begin = 2
    var (isNew, isOld) = (false, false)
    while begin < words.count {
      if words[begin].equalsIgnoringCase("nx") {
        isNew = true
      } else if words[begin].equalsIgnoringCase("xx") {
        isOld = true
      } else if !words[begin].equalsIgnoringCase("ch") {
        break
      }
      begin += 1
    }
    guard (words.count - begin) % 3 == 0, words.count > begin, !(isNew && isOld) else { return execution.refuseSyntax() }
    let places = (words.count - begin) / 3
    withUnsafeTemporaryAllocation(of: ByteView.self, capacity: begin + places * 2) { views in
      withUnsafeTemporaryAllocation(of: UInt8.self, capacity: places * Decimal.digitsMax) { digits in
        guard let scratch = digits.baseAddress else { return }
        views.initializeElement(at: 0, to: ByteView("ZADD"))
        for index in 1..<begin { views.initializeElement(at: index, to: words[index]) }
        for place in 0..<places {
          guard let point = execution.geoPoint(begin + place * 3) else { return }
          let room = scratch + place * Decimal.digitsMax
          let score = ByteView(start: room, count: Decimal.write(GeoSquare(point).bits, to: room))
          views.initializeElement(at: begin + place * 2, to: score)
          views.initializeElement(at: begin + place * 2 + 1, to: words[begin + place * 3 + 2])
        }
        let before = execution.effects.changes
        execution.arguments = Arguments(first: views.baseAddress, count: views.count)
        SortedSets.add(&execution)
        execution.arguments = words
        guard execution.effects.changes != before else { return }
        execution.effects.beginRecord(words: views.count)
        for view in views { execution.effects.word(view) }
      }
    }
  }

  static func distance(_ execution: inout Execution) {
    let words = execution.arguments
    guard words.count <= 5 else { return execution.refuseSyntax() }
    var unit = GeoUnit.meters
    if words.count == 5 {
      guard let given = execution.geoUnit(4) else { return }
      unit = given
    }
    let (set, isRefused) = execution.geoSet(1)
    guard !isRefused else { return }
    guard let first = set?.score(words[2]), let second = set?.score(words[3]) else { return execution.reply.null() }
    execution.reply.geoDistance(GeoPoint(score: first).distance(to: GeoPoint(score: second)) / unit.meters)
  }

  static func text(_ execution: inout Execution) {
    let (set, isRefused) = execution.geoSet(1)
    guard !isRefused else { return }
    execution.reply.array(execution.arguments.count - 2)
    for index in 2..<execution.arguments.count {
      guard let score = set?.score(execution.arguments[index]) else {
        execution.reply.null()
        continue
      }
      let letters = GeoSquare.text(GeoPoint(score: score))
      letters.span.withUnsafeBytes { execution.reply.bulk(ByteView($0)) }
    }
  }

  static func position(_ execution: inout Execution) {
    let (set, isRefused) = execution.geoSet(1)
    guard !isRefused else { return }
    execution.reply.array(execution.arguments.count - 2)
    for index in 2..<execution.arguments.count {
      if let score = set?.score(execution.arguments[index]) {
        execution.reply.geoPoint(GeoPoint(score: score))
      } else {
        execution.reply.nullArray()
      }
    }
  }
}
