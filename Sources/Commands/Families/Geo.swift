// Geo.swift — the commands on places, as a list.
//
// A place is a member of a sorted set whose score is its square of the map (GeoHash), so every command on sorted
// sets works on places too. Adding and looking up stand in Geo+Places, searches in Geo+Search and GeoRequest.
import Bytes
import Wire

/// The geo group.
public enum Geo {
  public static var definitions: [CommandDefinition] { places + searches + oldSearches }

  private static let reads: [KeySpecification] = [.key(1, [.readOnly, .access])]
  private static let units = "unit(M|KM|FT|MI)"
  private static let shape = """
    [from(FROMMEMBER member|FROMLONLAT fromlonlat{longitude:double latitude:double})] \
    by(circle{BYRADIUS radius:double \(units)}|box{BYBOX width:double height:double \(units)}\
    |polygon{BYPOLYGON num-vertices:integer vertices{longitude:double latitude:double}...}@9.0.0) \
    [order(ASC|DESC)] [count-block{COUNT count:integer [ANY]}]
    """

  private static var places: [CommandDefinition] {
    [
      CommandDefinition(
        "geoadd", arity: -5, [.write, .denyOOM], .geo, keys: [.key(1, [.readWrite, .update])], group: .geo,
        since: "3.2.0", "Adds places to a sorted set, or moves them.",
        complexity: "O(log(N)) for each place, N being the size of the set",
        history: [.init("6.2.0", "`CH`, `NX` and `XX`.")],
        arguments: """
          key [condition(NX|XX)@6.2.0] [change=CH@6.2.0] data{longitude:double latitude:double member}...
          """,
        run: add),
      CommandDefinition(
        "geodist", arity: -4, [.readonly], .geo, keys: reads, group: .geo, since: "3.2.0",
        "How far two places are apart.", complexity: "O(1)", arguments: "key member1 member2 [\(units)]",
        run: distance),
      CommandDefinition(
        "geohash", arity: -2, [.readonly], .geo, keys: reads, group: .geo, since: "3.2.0",
        "Places as the text that other programs know them by.", complexity: "O(1) for each member",
        arguments: "key [member...]", run: text),
      CommandDefinition(
        "geopos", arity: -2, [.readonly], .geo, keys: reads, group: .geo, since: "3.2.0",
        "Longitude and latitude of places.", complexity: "O(1) for each member", arguments: "key [member...]",
        run: position),
    ]
  }

  private static let searchComplexity = """
    O(N+log(M)), N being the places in the squares that the area touches and M those within it
    """

  private static var polygonHistory: [CommandFacts.Change] { [.init("9.0.0", "`BYPOLYGON`.")] }

  private static var searches: [CommandDefinition] {
    [
      CommandDefinition(
        "geosearch", arity: -7, [.readonly, .longIfLarge], .geo, keys: reads, group: .geo, since: "6.2.0",
        "The places within a circle, a box or a polygon.", complexity: searchComplexity, history: polygonHistory,
        arguments: "key \(shape) [WITHCOORD] [WITHDIST] [WITHHASH]", run: search),
      CommandDefinition(
        "geosearchstore", arity: -8, [.write, .denyOOM, .unbounded], .geo,
        keys: [.key(1, [.overwrite, .update]), .key(2, [.readOnly, .access])], group: .geo, since: "6.2.0",
        "Stores the places within a circle, a box or a polygon.", complexity: searchComplexity,
        history: polygonHistory,
        arguments: "destination:key source:key#1 \(shape) [STOREDIST]", run: searchStore),
    ]
  }

  private static let extras = """
    [WITHCOORD] [WITHDIST] [WITHHASH] [count-block{COUNT count:integer [ANY@6.2.0]}] [order(ASC|DESC)]
    """
  private static let memberExtras = """
    [WITHCOORD] [WITHDIST] [WITHHASH] [count-block{COUNT count:integer [ANY]}] [order(ASC|DESC)]
    """
  private static let store = "[store(STORE storekey~key:key#1|STOREDIST storedistkey~key:key#2)]"

  private static func storeKeys(from word: Int) -> [KeySpecification] {
    reads
      + ["STORE", "STOREDIST"].map {
        KeySpecification(
          .keyword($0, from: word), .range(last: 0, step: 1, limit: 0), [.overwrite, .update, .variableFlags])
      }
  }

  private static var oldSearches: [CommandDefinition] {
    let instead = "`GEOSEARCH` and `GEOSEARCHSTORE` with the `BYRADIUS` argument"
    let byMember = "\(instead) and `FROMMEMBER`"
    return [
      CommandDefinition(
        "georadius", arity: -6, [.write, .denyOOM, .longIfLarge], .geo, keys: storeKeys(from: 6), findKeys: keysOfRadius(from: 6),
        group: .geo, since: "3.2.0", deprecated: .init(since: "6.2.0", use: instead),
        "The places within a circle, perhaps stored.", complexity: searchComplexity,
        arguments: "key longitude:double latitude:double radius:double \(units) \(extras) \(store)", run: radius),
      CommandDefinition(
        "georadius_ro", arity: -6, [.readonly, .longIfLarge], .geo, keys: reads, group: .geo, since: "3.2.10",
        deprecated: .init(since: "6.2.0", use: "`GEOSEARCH` with the `BYRADIUS` argument"),
        "The places within a circle.", complexity: searchComplexity,
        arguments: "key longitude:double latitude:double radius:double \(units) \(extras)", run: radiusReadOnly),
      CommandDefinition(
        "georadiusbymember", arity: -5, [.write, .denyOOM, .longIfLarge], .geo, keys: storeKeys(from: 5),
        findKeys: keysOfRadius(from: 5), group: .geo, since: "3.2.0",
        deprecated: .init(since: "6.2.0", use: byMember), "The places around a place, perhaps stored.",
        complexity: searchComplexity, arguments: "key member radius:double \(units) \(memberExtras) \(store)",
        run: radiusByMember),
      CommandDefinition(
        "georadiusbymember_ro", arity: -5, [.readonly, .longIfLarge], .geo, keys: reads, group: .geo, since: "3.2.10",
        deprecated: .init(since: "6.2.0", use: "`GEOSEARCH` with the `BYRADIUS` and `FROMMEMBER` arguments"),
        "The places around a place.", complexity: searchComplexity,
        arguments: "key member radius:double \(units) \(memberExtras)", run: radiusByMemberReadOnly),
    ]
  }

  /// The set, and behind STORE or STOREDIST, the last one counts, where the result goes.
  private static func keysOfRadius(from word: Int) -> KeyFinder {
    { arguments in
      guard arguments.count > word - 1 else { return nil }
      var keys = [KeyReference(position: 1, flags: [.readOnly, .access])]
      var stored: Int?
      var index = word - 1
      while index + 1 < arguments.count {
        let isStore = arguments[index].equalsIgnoringCase("store") || arguments[index].equalsIgnoringCase("storedist")
        if isStore { stored = index + 1 }
        index += isStore ? 2 : 1
      }
      if let stored { keys.append(KeyReference(position: stored, flags: [.overwrite, .update])) }
      return keys
    }
  }
}
