// Geo+Search.swift — the places within an area: found square by square, answered or stored.
import Bytes
import Store
import Wire

extension Geo {
  /// A place that was found. Good until the set changes.
  private struct Found {
    var member: Element
    var score: Double
    var point: GeoPoint
    /// From the middle of the search, in meters.
    var distance: Double
  }

  static func search(_ execution: inout Execution) { search(&execution, .search) }
  static func searchStore(_ execution: inout Execution) { search(&execution, .searchStore) }
  static func radius(_ execution: inout Execution) { search(&execution, .radius) }
  static func radiusReadOnly(_ execution: inout Execution) { search(&execution, .radiusReadOnly) }
  static func radiusByMember(_ execution: inout Execution) { search(&execution, .radiusByMember) }
  static func radiusByMemberReadOnly(_ execution: inout Execution) { search(&execution, .radiusByMemberReadOnly) }

  private static func search(_ execution: inout Execution, _ form: GeoRequest.Form) {
    let (set, isRefused) = execution.geoSet(form == .searchStore ? 2 : 1)
    guard !isRefused, let request = GeoRequest(&execution, form, set) else { return }
    guard let center = request.center, let shape = request.shape else { return }
    var found: [Found] = []
    if let set { found = places(in: GeoArea(center: center, shape: shape), of: set, request, &execution) }
    switch request.order {
    case .none: break
    case .ascending: PausingSort.sort(&found, &execution) { $0.distance < $1.distance }
    case .descending: PausingSort.sort(&found, &execution) { $0.distance > $1.distance }
    }
    guard !execution.pauses.isAbandoned else { return }
    if request.count > 0 && found.count > request.count { found.removeLast(found.count - request.count) }
    if let key = request.storeKey {
      store(&execution, found, request, execution.arguments[key])
    } else {
      answer(&execution, found, request)
    }
  }

  private static func places(
    in area: GeoArea, of set: SortedSetView, _ request: GeoRequest, _ execution: inout Execution
  ) -> [Found] {
    let most = request.takesAny ? request.count : Int.max
    var found: [Found] = []
    for square in area.squares {
      let (lower, upper) = (Double(square.scores.lowerBound), Double(square.scores.upperBound))
      var cursor = set.cursor(from: set.count { score, _ in score < lower })
      while let item = cursor.next(), item.score < upper, execution.mayGoOn(after: 2) {
        let point = GeoPoint(score: item.score)
        guard let distance = area.distance(to: point) else { continue }
        found.append(Found(member: item.name, score: item.score, point: point, distance: distance))
        if found.count >= most { return found }
      }
    }
    return found
  }

  private static func answer(_ execution: inout Execution, _ found: [Found], _ request: GeoRequest) {
    let reply = execution.reply
    reply.array(found.count)
    let extras = [request.showsDistance, request.showsSquare, request.showsPoint].count { $0 }
    for place in found {
      guard execution.mayGoOn(after: 1 + 4 * extras) else { return }
      if extras > 0 { reply.array(1 + extras) }
      place.member.withView { reply.bulk($0) }
      if request.showsDistance { reply.geoDistance(place.distance / request.unit.meters) }
      if request.showsSquare { reply.integer(Int64(exactly: place.score.rounded(.towardZero)) ?? 0) }
      if request.showsPoint { reply.geoPoint(place.point) }
    }
  }

  private static func store(_ execution: inout Execution, _ found: [Found], _ request: GeoRequest, _ key: ByteView) {
    var scratch = Keyspace()
    let limits = execution.rules.encodings
    if !found.isEmpty {
      let longest = found.reduce(0) { max($0, $1.member.count) }
      let place = scratch.insertSortedSet(key, KeyHash(key), memberBytes: longest, count: found.count, limits)
      for item in found {
        guard execution.mayGoOn(after: 4) else { return execution.discard(&scratch, key) }
        let score = request.storesDistance ? item.distance / request.unit.meters : item.score
        _ = item.member.withView { scratch.setScore(place, $0, score, limits) }
      }
    }
    let event: StaticString = request.form == .searchStore ? "geosearchstore" : "georadiusstore"
    execution.storeResult(key, from: &scratch, count: found.count, .sortedSet, event)
  }
}
