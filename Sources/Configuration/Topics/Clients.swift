// Clients.swift — how many clients, how long, and how much each may ask for or leave unread.

/// Limits of connections. Each field is described by its line in the table below.
package struct ClientSettings: Sendable, Equatable {
  package var clientsMax = 0
  package var clientsReserved = 0
  /// 0 never closes an idle client.
  package var timeoutSeconds = 0
  package var outputLimits = OutputLimits()
  package var queryBufferBytesMax = 0
  package var bulkBytesMax = 0
  /// Memory of all clients together; see `ClientMemoryLimit`.
  package var memoryMax = ClientMemoryLimit.none
  package var trackedKeysMax = 0
}

/// What one class of clients may leave unread before it is disconnected. Zeros are no limit.
package struct OutputLimit: Sendable, Equatable {
  /// Over this the client goes at once.
  package var hardBytes: Int
  /// Over this the client goes after `softSeconds`.
  package var softBytes: Int
  package var softSeconds: Int

  package init(hardBytes: Int, softBytes: Int, softSeconds: Int) {
    self.hardBytes = hardBytes
    self.softBytes = softBytes
    self.softSeconds = softSeconds
  }

  var text: String { "\(hardBytes) \(softBytes) \(softSeconds)" }
}

/// The limit of each class.
package struct OutputLimits: Sendable, Equatable {
  package var normal = OutputLimit(hardBytes: 0, softBytes: 0, softSeconds: 0)
  package var replica = OutputLimit(hardBytes: 256 << 20, softBytes: 64 << 20, softSeconds: 60)
  package var pubsub = OutputLimit(hardBytes: 32 << 20, softBytes: 8 << 20, softSeconds: 60)

  /// The classes under the names that the file and CONFIG GET use.
  static let classes: [(name: String, field: WritableKeyPath<OutputLimits, OutputLimit> & Sendable)] = [
    ("normal", \.normal), ("slave", \.replica), ("pubsub", \.pubsub),
  ]

  /// Takes groups of class, hard limit, soft limit, seconds; all or nothing.
  mutating func update(_ arguments: [String]) throws(Refusal) {
    guard arguments.count % 4 == 0 else {
      throw Refusal("Wrong number of arguments in buffer limit configuration.")
    }
    var updated = self
    for start in stride(from: 0, to: arguments.count, by: 4) {
      let name = arguments[start].lowercased()
      guard let known = Self.classes.first(where: { $0.name == (name == "replica" ? "slave" : name) }) else {
        throw Refusal("Invalid client class specified in buffer limit configuration.")
      }
      guard let hard = try? Values.memory(arguments[start + 1], .nonNegative),
        let soft = try? Values.memory(arguments[start + 2], .nonNegative),
        let seconds = Int(arguments[start + 3]), seconds >= 0
      else {
        throw Refusal("Error in hard, soft or soft_seconds setting in buffer limit configuration.")
      }
      updated[keyPath: known.field] = OutputLimit(hardBytes: hard, softBytes: soft, softSeconds: seconds)
    }
    self = updated
  }
}

/// The sum that all clients' buffers may reach.
package enum ClientMemoryLimit: Sendable, Equatable {
  case none
  case bytes(Int)
  /// Of `maxmemory`, 1 to 100.
  case percent(Int)

  init(_ text: String) throws(Refusal) {
    guard text.last == "%" else {
      guard let bytes = try? Values.memory(text, .nonNegative) else {
        throw Refusal("argument must be a memory or percent value")
      }
      self = bytes == 0 ? .none : .bytes(bytes)
      return
    }
    guard let percent = Values.canonicalInteger(String(text.dropLast())), percent >= 0 else {
      throw Refusal("argument must be a memory or percent value")
    }
    guard percent <= 100 else { throw Refusal("percentage argument must be less or equal to 100") }
    self = percent == 0 ? .none : .percent(percent)
  }

  var text: String {
    switch self {
    case .none: "0"
    case .bytes(let count): String(count)
    case .percent(let percent): "\(percent)%"
    }
  }

  /// The limit in bytes under a given `maxmemory`; nil for no limit.
  package func bytes(maxmemory: UInt64) -> UInt64? {
    switch self {
    case .none: return nil
    case .bytes(let count): return UInt64(count)
    case .percent(let percent):
      guard maxmemory > 0 else { return nil }
      return maxmemory / 100 * UInt64(percent) + maxmemory % 100 * UInt64(percent) / 100
    }
  }
}

extension Directive {
  static let clients: [Directive] = [
    .integer(
      "maxclients", \.clients.clientsMax, 1...Int(UInt32.max), default: 10000,
      "Clients that may be connected at once."),
    .integer(
      "maxclients-reserved", \.clients.clientsReserved, 0...1000, default: 0,
      "Of 'maxclients', connections kept free for clients from this machine, so that an operator can always get in."),
    .integer(
      "timeout", \.clients.timeoutSeconds, .nonNegative32, default: 0,
      "Seconds after which an idle client is disconnected; 0 never does."),
    .list(
      "client-output-buffer-limit", accepts: "class hard soft seconds, for class normal, replica or pubsub",
      reset: { $0.clients.outputLimits = OutputLimits() },
      store: { settings, arguments throws(Refusal) in try settings.clients.outputLimits.update(arguments) },
      show: { settings in
        OutputLimits.classes
          .map { "\($0.name) \(settings.clients.outputLimits[keyPath: $0.field].text)" }.joined(separator: " ")
      },
      lines: { settings in
        let limits = settings.clients.outputLimits
        let builtIn = OutputLimits()
        return OutputLimits.classes.filter { limits[keyPath: $0.field] != builtIn[keyPath: $0.field] }.map {
          let limit = limits[keyPath: $0.field]
          let name = $0.name == "slave" ? "replica" : $0.name
          return "\(name) \(Values.withUnit(limit.hardBytes)) \(Values.withUnit(limit.softBytes)) \(limit.softSeconds)"
        }
      },
      "Bytes that a client of a class may leave unread: at once over 'hard', after 'seconds' over 'soft'."
    ).repeatable(),
    .memory(
      "client-query-buffer-limit", \.clients.queryBufferBytesMax, 1_048_576...Int.max, default: 1_073_741_824,
      "Bytes of one client's request that may wait to be complete."),
    .memory(
      "proto-max-bulk-len", \.clients.bulkBytesMax, 1_048_576...Int.max, default: 536_870_912,
      "Longest single argument of a request, and so the longest string."),
    .single(
      "maxmemory-clients", [], .anytime,
      "Memory that all clients' buffers together may use before the largest are disconnected; 0 is no limit.",
      accepts: "bytes, or a percentage of 'maxmemory'", quoted: false,
      line: { settings in
        guard case .bytes(let count) = settings.clients.memoryMax else { return settings.clients.memoryMax.text }
        return Values.withUnit(count)
      },
      reset: { $0.clients.memoryMax = .none },
      store: { settings, text throws(Refusal) in settings.clients.memoryMax = try ClientMemoryLimit(text) },
      show: { $0.clients.memoryMax.text }
    ),
    .integer(
      "tracking-table-max-keys", \.clients.trackedKeysMax, .nonNegative, default: 1_000_000,
      "Keys remembered for client-side caching; 0 is no limit."),
  ]
}
