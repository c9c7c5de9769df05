// TrackingCommands.swift — CLIENT TRACKING, CACHING, GETREDIR and TRACKINGINFO.
import Bytes
import Commands
import Wire

extension ClientCommands {
  static var tracking: [CommandDefinition] {
    [
      CommandDefinition(
        facts(
          "tracking", arity: -3, [.noscript, .loading, .stale, .allowBusy], since: "6.0.0",
          "Chooses whether and how the connection hears of changed keys.",
          complexity: "O(1); some options take longer with the number of prefixes",
          arguments: """
            status(ON|OFF) [REDIRECT client-id:integer] [PREFIX prefix]... [BCAST] [OPTIN] [OPTOUT] [NOLOOP]
            """),
        run: runTracking),

      CommandDefinition(
        facts(
          "caching", arity: 3, [.noscript, .loading, .stale, .allowBusy], since: "6.0.0",
          "Chooses whether the keys of the next command are tracked.", arguments: "mode(YES|NO)"),
        run: runCaching),

      CommandDefinition(
        facts(
          "getredir", arity: 2, [.noscript, .loading, .stale, .allowBusy], since: "6.0.0",
          "Tells where tracking messages are redirected to.")
      ) { execution in
        let state = execution.client.pointee.tracking
        execution.reply.integer(state.modes.contains(.on) ? Int64(clamping: state.redirection) : -1)
      },

      CommandDefinition(
        facts(
          "trackinginfo", arity: 2, .anytime, since: "6.2.0", "Tells how the connection hears of changed keys."),
        run: runTrackingInfo),
    ]
  }

  // MARK: TRACKING

  /// The options of CLIENT TRACKING.
  private struct Options {
    var modes: ClientTracking.Modes = []
    var redirection: UnsafeMutablePointer<Client>?
    var prefixes: [ByteView] = []
  }

  private static func runTracking(_ execution: inout Execution) {
    guard let options = readOptions(&execution) else { return }
    let server = execution.server
    let client = execution.client
    if execution.arguments[2].equalsIgnoringCase("off") {
      server.pointee.endTracking(client)
    } else if execution.arguments[2].equalsIgnoringCase("on") {
      guard mayTrack(&execution, options) else { return }
      server.pointee.beginTracking(client, options.modes, redirection: options.redirection, prefixes: options.prefixes)
      execution.effects.isWatched = true
      execution.events.isOpen = true
    } else {
      return execution.refuseSyntax()
    }
    execution.effects.keepsNames = !server.pointee.tracking.prefixes.isEmpty
    execution.reply.ok()
  }

  private static func readOptions(_ execution: inout Execution) -> Options? {
    let words = execution.arguments
    var options = Options()
    var index = 3
    while index < words.count {
      let word = words[index]
      let hasMore = index + 1 < words.count
      if word.equalsIgnoringCase("redirect") && hasMore {
        index += 1
        guard options.redirection == nil else {
          execution.reply.error("ERR A client can only redirect to a single other client")
          return nil
        }
        guard let id = execution.integer(index) else { return nil }
        guard let target = execution.server.pointee.client(withID: UInt64(bitPattern: id)) else {
          execution.reply.error("ERR The client ID you want redirect to does not exist")
          return nil
        }
        options.redirection = target
      } else if word.equalsIgnoringCase("bcast") {
        options.modes.insert(.broadcast)
      } else if word.equalsIgnoringCase("optin") {
        options.modes.insert(.optIn)
      } else if word.equalsIgnoringCase("optout") {
        options.modes.insert(.optOut)
      } else if word.equalsIgnoringCase("noloop") {
        options.modes.insert(.noLoop)
      } else if word.equalsIgnoringCase("prefix") && hasMore {
        index += 1
        options.prefixes.append(words[index])
      } else {
        execution.refuseSyntax()
        return nil
      }
      index += 1
    }
    return options
  }

  /// Whether the options go together, and with what the client has chosen before; answers the error if not.
  private static func mayTrack(_ execution: inout Execution, _ options: Options) -> Bool {
    let reply = execution.reply
    let modes = options.modes
    let old = execution.client.pointee.tracking.modes
    if !options.prefixes.isEmpty && !modes.contains(.broadcast) {
      reply.error("ERR PREFIX option requires BCAST mode to be enabled")
    } else if old.contains(.on) && old.contains(.broadcast) != modes.contains(.broadcast) {
      reply.error(
        """
        ERR You can't switch BCAST mode on/off before disabling tracking for this client, and then re-enabling it with a \
        different mode.
        """)
    } else if modes.contains(.broadcast) && !modes.isDisjoint(with: [.optIn, .optOut]) {
      reply.error("ERR OPTIN and OPTOUT are not compatible with BCAST")
    } else if modes.isSuperset(of: [.optIn, .optOut]) {
      reply.error("ERR You can't specify both OPTIN mode and OPTOUT mode")
    } else if modes.contains(.optIn) && old.contains(.optOut) || modes.contains(.optOut) && old.contains(.optIn) {
      reply.error(
        """
        ERR You can't switch OPTIN/OPTOUT mode before disabling tracking for this client, and then re-enabling it with a \
        different mode.
        """)
    } else {
      return !modes.contains(.broadcast) || areDisjoint(&execution, options.prefixes)
    }
    return false
  }

  /// No key may have two of a client's prefixes: it would be told twice.
  private static func areDisjoint(_ execution: inout Execution, _ prefixes: [ByteView]) -> Bool {
    let server = execution.server
    let held = server.pointee.prefixes(of: execution.client)
    for (index, prefix) in prefixes.enumerated() {
      for other in held {
        let collides = other.withUnsafeBytes { bytes in
          guard prefix.overlaps(ByteView(bytes)) else { return false }
          refuse(execution.reply, prefix, "an existing prefix", ByteView(bytes))
          return true
        }
        if collides { return false }
      }
      for other in prefixes[(index + 1)...] where prefix.overlaps(other) {
        refuse(execution.reply, prefix, "another provided prefix", other)
        return false
      }
    }
    return true
  }

  private static func refuse(_ reply: Reply, _ prefix: ByteView, _ kind: StaticString, _ other: ByteView) {
    reply.beginError()
    reply.part("ERR Prefix '")
    reply.part(prefix)
    reply.part("' overlaps with ")
    reply.part(kind)
    reply.part(" '")
    reply.part(other)
    reply.part("'. Prefixes for a single client must not overlap.")
    reply.end()
  }

  // MARK: CACHING

  private static func runCaching(_ execution: inout Execution) {
    let client = execution.client
    let modes = client.pointee.tracking.modes
    guard modes.contains(.on), !modes.isDisjoint(with: [.optIn, .optOut]) else {
      return execution.reply.error(
        """
        ERR CLIENT CACHING can be called only when the client is in tracking mode with OPTIN or OPTOUT mode enabled
        """)
    }
    if execution.arguments[2].equalsIgnoringCase("yes") {
      guard modes.contains(.optIn) else {
        return execution.reply.error("ERR CLIENT CACHING YES is only valid when tracking is enabled in OPTIN mode.")
      }
    } else if execution.arguments[2].equalsIgnoringCase("no") {
      guard modes.contains(.optOut) else {
        return execution.reply.error("ERR CLIENT CACHING NO is only valid when tracking is enabled in OPTOUT mode.")
      }
    } else {
      return execution.refuseSyntax()
    }
    client.pointee.subscriber?.pointee.tracking.modes.insert(.caching)
    execution.reply.ok()
  }

  // MARK: TRACKINGINFO

  private static func runTrackingInfo(_ execution: inout Execution) {
    let reply = execution.reply
    let state = execution.client.pointee.tracking
    let modes = state.modes
    var names: [StaticString] = [modes.contains(.on) ? "on" : "off"]
    if modes.contains(.broadcast) { names.append("bcast") }
    if modes.contains(.optIn) {
      names.append("optin")
      if modes.contains(.caching) { names.append("caching-yes") }
    }
    if modes.contains(.optOut) {
      names.append("optout")
      if modes.contains(.caching) { names.append("caching-no") }
    }
    if modes.contains(.noLoop) { names.append("noloop") }
    if modes.contains(.broken) { names.append("broken_redirect") }
    reply.map(3)
    reply.bulk("flags")
    reply.set(names.count)
    for name in names { reply.bulk(name) }
    reply.bulk("redirect")
    reply.integer(modes.contains(.on) ? Int64(clamping: state.redirection) : -1)
    reply.bulk("prefixes")
    let prefixes = execution.server.pointee.prefixes(of: execution.client)
    reply.array(prefixes.count)
    for prefix in prefixes { prefix.withUnsafeBytes { reply.bulk(ByteView($0)) } }
  }
}

extension ByteView {
  /// One of the two begins with the other.
  fileprivate func overlaps(_ other: ByteView) -> Bool {
    let length = Swift.min(count, other.count)
    return prefix(length) == other.prefix(length)
  }
}

extension Client {
  /// What CLIENT TRACKING has made of it.
  var tracking: ClientTracking { subscriber?.pointee.tracking ?? ClientTracking() }
}

extension Server {
  /// The client with this number; nil if it is not connected.
  func client(withID id: UInt64) -> UnsafeMutablePointer<Client>? {
    var found: UnsafeMutablePointer<Client>?
    forEachClient { if $0.pointee.session.id == id && $0.pointee.state == .open { found = $0 } }
    return found
  }

  /// The prefixes that the client wants to hear of.
  fileprivate func prefixes(of client: UnsafeMutablePointer<Client>) -> [[UInt8]] {
    var names: [[UInt8]] = []
    var place = client.pointee.tracking.prefixes.first
    while place != Subscriptions.none {
      names.append(tracking.prefixes.name(of: place))
      place = tracking.prefixes.all[Int(place)].nextOfClient
    }
    return names
  }
}
