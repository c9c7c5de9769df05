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
  /// The directives' values. Reach into it; copying it costs a reference count for each text in it.
  let configurationPart: Part<Configuration>
  let logPart: Part<Log>
  var clock = LoopClock()
  var timers = Timers()
  /// Where signals are read from.
  let signalDescriptor: Int32
  /// DEBUG PAUSE-CRON: ticks do nothing.
  var isTickPaused = false
  var lifecycle = Lifecycle()
  var wishes = Wishes()
  let statisticsPart = Part(Statistics())
  let errorsPart = Part(ErrorLedger())
  let slowLogPart = Part(CommandLog())
  let largeRequestsPart = Part(CommandLog())
  let largeRepliesPart = Part(CommandLog())
  let latencyPart = Part(LatencyMonitor())

  // MARK: clients

  let clientsPart = Part(Slab<Client>())
  var listeners: [Listener] = []
  var nextClientID: UInt64 = 1
  /// Connections that only wait for their last answers to leave.
  var drainingClients = 0
  /// Clients with something to send, first come first served, linked through the slab.
  var readyHead = Client.noSlot
  var readyTail = Client.noSlot
  /// What the executor's own reactor is to do next.
  var orders: [Order] = []
  /// What reactors have received and sent.
  let trafficPart = Part(Traffic())
  /// Processors that the process may use, as of its start.
  let processorCount = Machine.cores
  /// `prefetch-batch-max-size`.
  var prefetchedKeysMax = 16
  /// Requests that this turn has run.
  var requestsInTurn = 0
  /// Reactors with threads of their own.
  let crewPart = Part(Crew())
  /// How many of them serve, and why.
  let staffPart = Part(StaffingRecord())
  /// Clients that were moved from one reactor to another.
  var moves: UInt64 = 0
  /// Listeners have come or must go.
  var mustRelisten = false
  var clientPause = ClientPause()
  var clientMemory = ClientMemory()
  /// What reactors enforce while they read requests.
  private(set) var inputLimits = InputLimits()
  /// Output up to here needs no look at the limits after each command.
  private(set) var outputBytesUnchecked = 0
  /// Where the tick's round over the clients goes on.
  var nextChecked: UInt32 = 0
  /// When somebody was last found speaking HTTP to us.
  var lastForeignWarningSeconds: Int64 = 0

  // MARK: durability

  let appendLogPart = Part(AppendLog())
  let recoveryPart = Part(Recovery())
  let snapshotsPart = Part(Snapshots())
  let errandsPart: Part<FileErrands>
  /// Some requests may be refused: the data are being loaded, or the disk does not take writes.
  var isRestricted = false
  /// The data are loaded: settings take effect at once from now on.
  var hasStarted = false
  /// The graveyard has something that can be freed.
  var isFreeing = false
  /// When some of it was freed last, by the processor's counter.
  var freedAtTicks: UInt64 = 0
  /// No client asked anything in this turn.
  var isIdleTurn = false
  /// Requests that write wait: the log has too much that is not on disk.
  var isThrottlingWrites = false
  /// Per command, what its answer depends on.
  let gates: UnsafeMutablePointer<Gate>
  /// Writers that wait for an image to have written what they would change.
  var parkedWriters = ParkedWriters()
  /// A script is in the middle: what it has read must not change, and what it has changed must not be seen.
  var isScriptPaused = false
  /// … and has been for so long that others are told.
  var isScriptBusy = false
  /// Scripts: there once the server knows where it stands, since they call it.
  private(set) var scriptsMemory: UnsafeMutablePointer<Scripts>?
  /// Came while a command was in the middle of changing a value.
  var postponedSignal: (signal: Signals.Signal, sender: UInt32)?
  /// Long commands that have paused.
  let walksPart = Part(Walks())
  /// Clients that wait for a key.
  let blockedPart = Part(BlockedClients())
  /// Keys that clients watch.
  let watchedPart = Part(WatchedKeys())
  /// Where the commands stand that a transaction does not queue.
  let transactions: TransactionTable
  /// EXEC was admitted, and runs as soon as it is known that nothing else does.
  var isTransactionDue = false
  /// Some command has another name here than elsewhere.
  let isRenaming: Bool
  /// The session under which the log's records are run again.
  let replayer: UnsafeMutablePointer<Session>

  // MARK: execution

  /// The words of the request that runs now.
  var running = Arguments.none
  /// When the command that runs now began, by the processor's counter.
  var commandStartTicks: UInt64 = 0

  let execution: UnsafeMutablePointer<Execution>
  let databases: UnsafeMutablePointer<Keyspace>
  let graveyard: UnsafeMutablePointer<Graveyard>
  let pool: UnsafeMutablePointer<ChunkPool>
  let table: CommandTable
  let commandStatistics: UnsafeMutablePointer<CommandStatistics>
  /// The session of work that no client asked for.
  let nobody: UnsafeMutablePointer<Session>
  /// Takes what is answered to clients that asked for silence.
  let silence: UnsafeMutablePointer<OutputBuffer>
  /// Where the segments of a send are listed.
  let segments: UnsafeMutablePointer<Segment>
  static let segmentsMax = 64

  /// What the loop runs on, for INFO and the log.
  let enginePart: Part<EngineReport>
  /// Facts of the process that do not change.
  let identityPart: Part<Identity>

  /// - Parameter commands: everything clients may call, without rename-command.
  init(
    configuration: Configuration, identity: Identity, engine: EngineReport, commands: [CommandDefinition], signalDescriptor: Int32, errands: consuming FileErrands
  ) {
    errandsPart = Part(errands)
    configurationPart = Part(configuration)
    identityPart = Part(identity)
    enginePart = Part(engine)
    self.signalDescriptor = signalDescriptor
    let count = configuration.settings.general.databases
    databases = .allocate(capacity: count)
    for i in 0..<count { (databases + i).initialize(to: Keyspace()) }
    graveyard = .allocate(capacity: 1)
    graveyard.initialize(to: Graveyard())
    pool = .allocate(capacity: 1)
    pool.initialize(to: ChunkPool())
    silence = .allocate(capacity: 1)
    silence.initialize(to: OutputBuffer(pool: pool))
    segments = .allocate(capacity: Self.segmentsMax)
    table = CommandTable(commands, renamed: configuration.settings.security.renamedCommands.map { ($0.from, $0.to) })
    commandStatistics = .allocate(capacity: table.count)
    commandStatistics.initialize(repeating: CommandStatistics(), count: table.count)
    nobody = .allocate(capacity: 1)
    nobody.initialize(to: Session(id: 0))
    replayer = .allocate(capacity: 1)
    replayer.initialize(to: Session(id: 0))
    transactions = TransactionTable(table)
    isRenaming = !configuration.settings.security.renamedCommands.isEmpty
    gates = .allocate(capacity: table.count)
    for index in 0..<table.count { (gates + index).initialize(to: Gate(table.facts[index])) }
    execution = .allocate(capacity: 1)
    execution.initialize(
      to: Execution(
        reply: Reply(output: silence, isRESP3: false), session: nobody, databases: databases, databaseCount: count,
        graveyard: graveyard, pool: pool, table: table))
    logPart = Part(Log())
    log.apply(configuration.settings.general)
    apply(to: &execution.pointee)
  }

  deinit {
    scriptsMemory?.deinitialize(count: 1)
    scriptsMemory?.deallocate()
    for i in 0..<configuration.settings.general.databases { (databases + i).deinitialize(count: 1) }
    databases.deallocate()
    execution.deinitialize(count: 1)
    execution.deallocate()
    graveyard.deinitialize(count: 1)
    graveyard.deallocate()
    commandStatistics.deallocate()
    segments.deallocate()
    nobody.deallocate()
    replayer.deallocate()
    gates.deallocate()
    silence.deallocate()
    pool.deinitialize(count: 1)
    pool.deallocate()
  }

  /// Commands know the server that they run in from now on.
  mutating func attach(_ server: UnsafeMutablePointer<Server>) {
    execution.pointee.host = UnsafeMutableRawPointer(server)
    let memory = UnsafeMutablePointer<Scripts>.allocate(capacity: 1)
    memory.initialize(to: Scripts(server, pool))
    scriptsMemory = memory
  }

  /// Brings what commands and the loop obey in line with the settings. Call after every change of them.
  mutating func applyRules(to execution: inout Execution) {
    execution.rules.bulkBytesMax = Int64(configuration.settings.clients.bulkBytesMax)
    execution.rules.streamLimits.blockBytes = configuration.settings.encodings.streamNodeBytesMax
    execution.rules.streamLimits.blockEntries = configuration.settings.encodings.streamNodeEntriesMax
    execution.rules.hyperLogLogSparseBytesMax = configuration.settings.encodings.hyperLogLogSparseBytesMax
    inputLimits.parser.bulkBytesMax = configuration.settings.clients.bulkBytesMax
    inputLimits.queryBufferBytes = Int(clamping: configuration.settings.clients.queryBufferBytesMax)
    announceLimits()
    prefetchedKeysMax = configuration.settings.threads.prefetchBatchMax
    if crew.count > 0 { restaff() }
    timers.ticksPerSecond = UInt64(configuration.settings.general.timerFrequency)
    let limit = configuration.settings.clients.outputLimits.normal
    let bounds = [limit.hardBytes, limit.softBytes].filter { $0 > 0 }
    // A client that has not authenticated has the smallest limit of all.
    outputBytesUnchecked = configuration.settings.security.password.isEmpty
      ? bounds.min() ?? .max : Limits.outputBeforeAuthenticationBytes
  }
}

/// The clocks, read once a turn.
struct LoopClock {
  /// CLOCK_MONOTONIC.
  private(set) var nanoseconds: UInt64 = Clock.monotonicNanoseconds()
  var seconds: Int64 { Int64(nanoseconds / 1_000_000_000) }
  var milliseconds: Int64 { Int64(nanoseconds / 1_000_000) }
  /// A simulation has a clock of its own.
  private var isHeld = false

  mutating func update() {
    if !isHeld { nanoseconds = Clock.monotonicNanoseconds() }
  }

  /// From now on it is what the caller says.
  mutating func hold(at nanoseconds: UInt64) {
    isHeld = true
    self.nanoseconds = nanoseconds
  }
}

extension Server {
  /// How long the loop may sleep.
  mutating func waitNanoseconds() -> UInt64 {
    guard !wishes.isUnpauseWished && !wishes.hasResumed else { return 0 }
    let now = clock.nanoseconds
    var untilTick = timers.waitNanoseconds(now)
    if let deadline = blocked.nextDeadlineNanoseconds { untilTick = min(untilTick, deadline > now ? deadline - now : 0) }
    if recovery.isLoading {
      guard recovery.resumesAtNanoseconds > now else { return 0 }
      untilTick = min(untilTick, recovery.resumesAtNanoseconds - now)
    }
    if isScriptPaused || isFreeing || walks.count > 0 && hasRunnableWalk { return 0 }
    if snapshots.job?.pointee.wantsTime == true {
      guard snapshots.resumesAtNanoseconds > now else { return 0 }
      untilTick = min(untilTick, snapshots.resumesAtNanoseconds - now)
    }
    guard appendLog.state != .off, let untilLog = appendLog.pipeline.waitNanoseconds(now: clock.nanoseconds) else { return untilTick }
    return min(untilTick, untilLog)
  }

  /// The name of the command that runs now as any other server knows it.
  var canonicalName: ByteView { gates[execution.pointee.commandIndex].name }
}
