// InfoReport.swift — INFO: which sections are asked for, and what they are made from.
//
// Each group of sections has a file of its own (Info+Server, Info+Memory, …). The fields and
// their order are those of Redis and Valkey together: tools look for them by name. A field
// whose feature does not exist yet is there and zero.
import Bytes
import Commands
import Wire

struct InfoReport {
  /// The sections in the order in which they are printed.
  enum Section: Int, CaseIterable {
    case server, clients, memory, persistence, threads, stats, replication, cpu, modules, commandstats, errorstats
    case latencystats, cluster, keyspace, io

    init?(_ word: ByteView) {
      let word = word.text.lowercased()
      guard let section = Self.allCases.first(where: { "\($0)" == word }) else { return nil }
      self = section
    }

    /// Long, so only on request.
    var isByDefault: Bool { self != .commandstats && self != .latencystats && self != .threads }
  }

  let server: UnsafeMutablePointer<Server>
  let tallies: Tallies
  /// Changes of the data since the start.
  let changes: UInt64
  let wallMicroseconds: Int64
  /// Per database, the average time in milliseconds that keys with an expiry still have.
  let averageTimesToLive: [Int64]
  var out = InfoText()

  init(_ execution: inout Execution) {
    server = execution.server
    server.pointee.refreshTraffic()
    tallies = execution.tallies
    changes = execution.effects.changes
    wallMicroseconds = execution.nowMicroseconds
    var averages: [Int64] = []
    for index in 0..<execution.databaseCount { averages.append(execution.averageTimeToLive(database: index)) }
    averageTimesToLive = averages
  }

  /// What INFO with these words asks for.
  static func sections(_ words: Arguments) -> Set<Section> {
    guard words.count > 0 else { return Set(Section.allCases.filter(\.isByDefault)) }
    var wanted: Set<Section> = []
    for i in 0..<words.count {
      if words[i].equalsIgnoringCase("default") {
        wanted.formUnion(Section.allCases.filter(\.isByDefault))
      } else if words[i].equalsIgnoringCase("all") || words[i].equalsIgnoringCase("everything") {
        wanted.formUnion(Section.allCases)
      } else if let section = Section(words[i]) {
        wanted.insert(section)
      }
    }
    return wanted
  }

  mutating func write(_ wanted: Set<Section>) {
    for section in Section.allCases where wanted.contains(section) { write(section) }
  }

  private mutating func write(_ section: Section) {
    switch section {
    case .server: writeServer()
    case .clients: writeClients()
    case .memory: writeMemory()
    case .persistence: writePersistence()
    case .threads: writeThreads()
    case .stats: writeStats()
    case .replication: writeReplication()
    case .cpu: writeProcessor()
    case .modules: out.section("Modules")
    case .commandstats: writeCommandStatistics()
    case .errorstats: writeErrorStatistics()
    case .latencystats: writeLatencyStatistics()
    case .cluster: writeCluster()
    case .keyspace: writeKeyspace()
    case .io: writeEngine()
    }
  }
}
