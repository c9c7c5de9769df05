// Server.swift — what the loop, the commands and the reports share.
//
// One value on the heap, reached by pointer from its one thread. It knows no engine: what needs
// the ring is written down as a wish, and the reactor grants it before the turn ends.
import Bytes
import Commands
import Configuration
import Ring
import Store
import Wire

package struct Server: ~Copyable {
  package var settings: Settings
  var log: Log
  var clock = LoopClock()
  var timers = Timers()
  var signals: Signals
  var lifecycle = Lifecycle()
  var wishes = Wishes()
  var statistics = Statistics()
  var errors = ErrorLedger()

  // MARK: clients

  var connections = Slab<Connection>()
  var listeners: [Listener] = []
  var nextClientID: UInt64 = 1
  /// Connections that only wait for their last answers to leave.
  var drainingConnections = 0
  var clientPause = ClientPause()

  // MARK: execution

  let execution: UnsafeMutablePointer<Execution>
  let databases: UnsafeMutablePointer<Keyspace>
  let graveyard: UnsafeMutablePointer<Graveyard>
  let pool: UnsafeMutablePointer<ChunkPool>
  let table: CommandTable
  let commandStatistics: UnsafeMutablePointer<CommandStatistics>
  /// Takes what is answered to clients that asked for silence.
  let silence: UnsafeMutablePointer<OutputBuffer>
  /// Where the segments of a send are listed.
  let segments: UnsafeMutablePointer<Segment>
  static let segmentsMax = 64

  /// What the loop runs on, for INFO and the log.
  package var engine: EngineReport
  /// Facts of the process that do not change.
  let identity: Identity
}

/// The clocks, read once a turn.
struct LoopClock {
  /// CLOCK_MONOTONIC.
  private(set) var nanoseconds: UInt64 = Clock.monotonicNanoseconds()
  var seconds: Int64 { Int64(nanoseconds / 1_000_000_000) }
  var milliseconds: Int64 { Int64(nanoseconds / 1_000_000) }
  mutating func update() { nanoseconds = Clock.monotonicNanoseconds() }
}
