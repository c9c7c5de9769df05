// GeoRequest.swift — the words of a search: where, how far, and what is wanted.
//
//     GEOSEARCH key       FROMMEMBER m | FROMLONLAT lon lat    BYRADIUS r unit | BYBOX w h unit    options
//     GEOSEARCH key                                            BYPOLYGON n lon lat lon lat …       options
//     GEORADIUS key       lon lat r unit                                                           options
//     GEORADIUSBYMEMBER   key m r unit                                                             options
//
//     options    ASC | DESC   COUNT n [ANY]   WITHCOORD   WITHDIST   WITHHASH   STORE key | STOREDIST key
import Bytes
import Store
import Wire

struct GeoRequest {
  enum Form { case search, searchStore, radius, radiusReadOnly, radiusByMember, radiusByMemberReadOnly }
  enum Order { case none, ascending, descending }

  let form: Form
  private(set) var center: GeoPoint?
  private(set) var shape: GeoArea.Shape?
  private(set) var unit = GeoUnit.meters
  private(set) var order = Order.none
  /// 0: all.
  private(set) var count = 0
  private(set) var takesAny = false
  private(set) var showsPoint = false
  private(set) var showsDistance = false
  private(set) var showsSquare = false
  /// The word that names where the result goes.
  private(set) var storeKey: Int?
  private(set) var storesDistance = false

  private var isSearch: Bool { form == .search || form == .searchStore }
  private var mayStore: Bool { form == .radius || form == .radiusByMember }

  /// Reads all words. Answers the error and nil.
  /// - Parameter set: nil if the key is not there: then no member is looked for.
  init?(_ execution: inout Execution, _ form: Form, _ set: SortedSetView?) {
    self.form = form
    var index: Int
    switch form {
    case .search: index = 2
    case .searchStore:
      index = 3
      storeKey = 1
    case .radius, .radiusReadOnly:
      guard let point = execution.geoPoint(2), takeRadius(&execution, 4) else { return nil }
      center = point
      index = 6
    case .radiusByMember, .radiusByMemberReadOnly:
      guard takeMember(&execution, 2, set), takeRadius(&execution, 3) else { return nil }
      index = 5
    }
    while index < execution.arguments.count {
      guard let taken = take(&execution, index, set) else { return nil }
      index += taken
    }
    guard isComplete(&execution, set) else { return nil }
    // The nearest are wanted, unless any will do.
    if count > 0 && order == .none && !takesAny { order = .ascending }
  }

  /// Takes the option at word `index`; how many words it has. Answers the error and nil.
  private mutating func take(_ execution: inout Execution, _ index: Int, _ set: SortedSetView?) -> Int? {
    let word = execution.arguments[index]
    let left = execution.arguments.count - index - 1
    if word.equalsIgnoringCase("withdist") {
      showsDistance = true
    } else if word.equalsIgnoringCase("withhash") {
      showsSquare = true
    } else if word.equalsIgnoringCase("withcoord") {
      showsPoint = true
    } else if word.equalsIgnoringCase("any") {
      takesAny = true
    } else if word.equalsIgnoringCase("asc") {
      order = .ascending
    } else if word.equalsIgnoringCase("desc") {
      order = .descending
    } else if form == .searchStore && word.equalsIgnoringCase("storedist") {
      storesDistance = true
    } else {
      return takeLong(&execution, index, left, set)
    }
    return 1
  }

  private mutating func takeLong(
    _ execution: inout Execution, _ index: Int, _ left: Int, _ set: SortedSetView?
  ) -> Int? {
    let word = execution.arguments[index]
    if left >= 1 && word.equalsIgnoringCase("count") {
      guard let given = execution.integer(index + 1) else { return nil }
      guard given > 0 else {
        execution.reply.error("ERR COUNT must be > 0")
        return nil
      }
      count = Int(given)
      return 2
    }
    if mayStore && left >= 1 && (word.equalsIgnoringCase("store") || word.equalsIgnoringCase("storedist")) {
      storeKey = index + 1
      storesDistance = word.equalsIgnoringCase("storedist")
      return 2
    }
    if isSearch && center == nil && left >= 1 && word.equalsIgnoringCase("frommember") {
      return takeMember(&execution, index + 1, set) ? 2 : nil
    }
    if isSearch && center == nil && left >= 2 && word.equalsIgnoringCase("fromlonlat") {
      guard let point = execution.geoPoint(index + 1) else { return nil }
      center = point
      return 3
    }
    if isSearch && shape == nil && left >= 2 && word.equalsIgnoringCase("byradius") {
      return takeRadius(&execution, index + 1) ? 3 : nil
    }
    if isSearch && shape == nil && left >= 3 && word.equalsIgnoringCase("bybox") {
      return takeBox(&execution, index + 1) ? 4 : nil
    }
    if isSearch && shape == nil && center == nil && left >= 1 && word.equalsIgnoringCase("bypolygon") {
      return takePolygon(&execution, index + 1)
    }
    execution.refuseSyntax()
    return nil
  }

  private mutating func takeMember(_ execution: inout Execution, _ index: Int, _ set: SortedSetView?) -> Bool {
    guard let set else {
      // There is nothing to find, wherever it is looked for.
      center = GeoPoint(longitude: 0, latitude: 0)
      return true
    }
    guard let score = set.score(execution.arguments[index]) else {
      execution.reply.error("ERR could not decode requested zset member")
      return false
    }
    center = GeoPoint(score: score)
    return true
  }

  private mutating func takeRadius(_ execution: inout Execution, _ index: Int) -> Bool {
    guard let radius = execution.arguments[index].score else {
      execution.reply.error("ERR need numeric radius")
      return false
    }
    guard radius >= 0 else {
      execution.reply.error("ERR radius cannot be negative")
      return false
    }
    guard let unit = execution.geoUnit(index + 1) else { return false }
    self.unit = unit
    shape = .circle(radius: radius * unit.meters)
    return true
  }

  private mutating func takeBox(_ execution: inout Execution, _ index: Int) -> Bool {
    guard let width = execution.arguments[index].score else {
      execution.reply.error("ERR need numeric width")
      return false
    }
    guard let height = execution.arguments[index + 1].score else {
      execution.reply.error("ERR need numeric height")
      return false
    }
    guard width >= 0 && height >= 0 else {
      execution.reply.error("ERR height or width cannot be negative")
      return false
    }
    guard let unit = execution.geoUnit(index + 2) else { return false }
    self.unit = unit
    shape = .box(width: width * unit.meters, height: height * unit.meters)
    return true
  }

  /// The corners, and with them the middle. How many words there were with BYPOLYGON; answers the error and nil.
  private mutating func takePolygon(_ execution: inout Execution, _ index: Int) -> Int? {
    guard let count = execution.arguments[index].int64 else {
      execution.reply.error("ERR invalid number of vertices")
      return nil
    }
    guard count >= GeoPolygon.cornersMin, count <= (execution.arguments.count - index - 1) / 2 else {
      execution.reply.error("ERR GEOSEARCH BYPOLYGON must have at least 3 vertices")
      return nil
    }
    var corners: [GeoPoint] = []
    for corner in 0..<Int(count) {
      guard let point = execution.geoPoint(index + 1 + 2 * corner) else { return nil }
      corners.append(point)
    }
    let polygon = GeoPolygon(corners: corners)
    shape = .polygon(polygon)
    center = polygon.center
    return 2 + 2 * Int(count)
  }

  private func isComplete(_ execution: inout Execution, _ set: SortedSetView?) -> Bool {
    let reply = execution.reply
    let name = execution.arguments[0]
    if storeKey != nil && (showsDistance || showsSquare || showsPoint) {
      reply.error(
        "ERR ", ByteView(form == .searchStore ? "GEOSEARCHSTORE" : "STORE option in GEORADIUS"),
        " is not compatible with WITHDIST, WITHHASH and WITHCOORD options")
      return false
    }
    guard center != nil else {
      reply.error("ERR exactly one of FROMMEMBER or FROMLONLAT can be specified for ", name)
      return false
    }
    guard shape != nil else {
      reply.error("ERR exactly one of BYRADIUS and BYBOX can be specified for ", name)
      return false
    }
    guard !takesAny || count > 0 else {
      reply.error("ERR the ANY argument requires COUNT argument")
      return false
    }
    return true
  }
}
