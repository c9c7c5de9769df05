// Recovery.swift — the data set comes back: from the log if there is one, else from the snapshot.
//
//   manifest ─▶ base (snapshot or records) ─▶ increments in order ─▶ the last one is cut at its last whole
//   record and goes on taking new ones
//
// It runs in slices between turns, so that clients are told LOADING instead of nothing. What was read
// is forced to disk before anybody may see it: after a crash the page cache can hold more than the
// disk, and a value once shown must not disappear with the next power cut.
import Bytes
import Configuration
import Persistence
import Ring

struct Recovery: ~Copyable {
  private(set) var isLoading = false
  /// Files that wait, in order.
  private(set) var queue: [Source] = []
  var replay: Replay?
  var snapshot: SnapshotFile?
  /// Of all files together, for INFO.
  private(set) var bytesTotal: Int64 = 0
  var bytesDone: Int64 = 0
  /// Of the files before the present one.
  private(set) var bytesBefore: Int64 = 0
  private(set) var beganAtNanoseconds: UInt64 = 0
  private(set) var beganAtWallSeconds: Int64 = 0
  /// Loading stands still until then: key-load-delay.
  var resumesAtNanoseconds: UInt64 = 0
  var keysLoaded: UInt64 = 0
  var keysExpired: UInt64 = 0
  /// Who asked for it while the server runs: DEBUG RELOAD, DEBUG LOADAOF.
  var client: (slot: UInt32, generation: UInt32)?

  struct Source {
    let path: String
    /// How messages call it.
    let name: String
    /// The last file of the log: it may be torn.
    let isLast: Bool
    /// A file of the log, not the snapshot file.
    let isOfLog: Bool
    let bytes: Int64
  }

  mutating func begin(_ sources: [Source], now: UInt64, wallSeconds: Int64) {
    isLoading = true
    queue = sources
    bytesTotal = sources.reduce(0) { $0 + $1.bytes }
    bytesDone = 0
    bytesBefore = 0
    beganAtNanoseconds = now
    beganAtWallSeconds = wallSeconds
  }

  var current: Source? { queue.first }
  /// Keys or records of the present file so far.
  var keysOfCurrent: Int {
    mutating get { Int(clamping: snapshot?.figures.loaded ?? 0) + Int(clamping: replay?.records ?? 0) }
  }

  /// The last seal of the file that was loaded last.
  var sealNumber: UInt64 = 0

  mutating func finishCurrent() {
    sealNumber = replay?.sealNumber ?? 0
    bytesBefore += queue.first?.bytes ?? 0
    queue.removeFirst()
    replay = nil
    snapshot = nil
  }

  mutating func end() {
    isLoading = false
    queue = []
    replay = nil
    snapshot = nil
  }
}

extension Server {
  /// Finds out what is to be loaded, at start. False if the server cannot start; the log says why.
  mutating func beginRecovery() -> Bool {
    let settings = configuration.settings.persistence
    appendLog.databaseSequences = Array(repeating: 0, count: configuration.settings.general.databases)
    appendLog.directory = LogDirectory(path: settings.logDirectory, prefix: settings.logFile)
    appendLog.pipeline.policy = CommitPipeline.Policy(settings.logSync)
    appendLog.reserve.aheadBytes = settings.logSync == .always ? Int64(clamping: settings.logReserveBytes) : 0
    var sources: [Recovery.Source] = []
    if settings.logEnabled {
      guard let found = logSources() else { return false }
      sources = found
      // Somebody who turns the log on over an old snapshot does not mean to lose it.
      if sources.isEmpty && File.exists(settings.snapshotFile) { sources = snapshotSources() }
    } else {
      sources = snapshotSources()
    }
    if sources.isEmpty { return finishRecovery() }
    recovery.begin(sources, now: clock.nanoseconds, wallSeconds: Clock.wallMicroseconds() / 1_000_000)
    applyRestrictions()
    return true
  }

  func snapshotSources() -> [Recovery.Source] {
    let file = configuration.settings.persistence.snapshotFile
    guard let status = try? File.status(file), status.kind == .regular else { return [] }
    return [Recovery.Source(path: file, name: file, isLast: false, isOfLog: false, bytes: status.bytes)]
  }

  /// The files that the manifest names; nil if they cannot be had.
  mutating func logSources() -> [Recovery.Source]? {
    let directory = appendLog.directory
    do throws(Errno) {
      if !File.exists(directory.path) {
        try File.makeDirectory(directory.path)
        try File.syncDirectory(".")
      }
    } catch {
      log.warning("Can't open or create append-only dir \(directory.path): \(error.text)")
      return nil
    }
    guard File.exists(directory.manifestPath) else { return upgradedSources() }
    do {
      let text = String(decoding: try File.readAll(directory.manifestPath), as: UTF8.self)
      let manifest = try LogManifest(parsing: text)
      appendLog.directory = LogDirectory(path: directory.path, prefix: directory.prefix, manifest: manifest)
    } catch let refusal as LogManifest.Refusal {
      log.warning("\n*** FATAL AOF MANIFEST FILE ERROR ***")
      log.raw("Reading the manifest file, at line \(refusal.line)")
      log.raw(">>> '\(manifestLine(refusal.line))'")
      log.raw(refusal.reason)
      return nil
    } catch {
      log.warning("Fatal error: can't open the AOF manifest file \(directory.manifestPath) for reading: \((error as? Errno)?.text ?? "")")
      return nil
    }
    return manifestSources()
  }

  private func manifestLine(_ number: Int) -> String {
    guard let bytes = try? File.readAll(appendLog.directory.manifestPath) else { return "" }
    let lines = String(decoding: bytes, as: UTF8.self).split(separator: "\n", omittingEmptySubsequences: false)
    return number > 0 && number <= lines.count ? String(lines[number - 1]) : ""
  }

  private mutating func manifestSources() -> [Recovery.Source]? {
    let entries = appendLog.directory.manifest.files
    var found: [(entry: LogManifest.Entry, path: String, bytes: Int64)] = []
    for (index, entry) in entries.enumerated() {
      let path = appendLog.directory.path(of: entry)
      if index == 0 && !File.exists(path) && entry.name == appendLog.directory.prefix && File.exists(entry.name) {
        // Taking over an old log was interrupted between the manifest and the move.
        let result = FileErrands.perform([
          .rename(entry.name, to: path), .syncDirectory(appendLog.directory.path), .syncDirectory("."),
        ])
        if result.isDone { log.notice("Moved \(entry.name) into \(appendLog.directory.path), as its manifest says.") }
      }
      do throws(Errno) {
        found.append((entry, path, try File.status(path).bytes))
      } catch {
        log.warning("Fatal error: can't open the append log file \(entry.name) for reading: \(error.text)")
        return nil
      }
    }
    return found.indices.map { index in
      // Behind the last file with records there may be an empty one: of a switch that the end came in between.
      let isLast = found[(index + 1)...].allSatisfy { $0.bytes == 0 }
      let file = found[index]
      return Recovery.Source(path: file.path, name: file.entry.name, isLast: isLast, isOfLog: true, bytes: file.bytes)
    }
  }

  /// No manifest: perhaps a log of one file, as servers before version 7 wrote it.
  private mutating func upgradedSources() -> [Recovery.Source]? {
    let file = configuration.settings.persistence.logFile
    guard File.exists(file) else { return [] }
    let result = FileErrands.perform(appendLog.directory.stepsForUpgrade(from: file))
    guard result.isDone else {
      log.warning("Can't move the old log \(file) into \(appendLog.directory.path): \(Errno(result.code).text)")
      return nil
    }
    appendLog.directory.stepsDone()
    log.notice("Successfully migrated an old-style AOF configuration (\(file)) into the AOF directory (\(appendLog.directory.path)).")
    return manifestSources()
  }

  // MARK: slices

  /// Loads for a while. Called by the loop until `recovery.isLoading` is false.
  mutating func continueRecovery(_ this: UnsafeMutablePointer<Server>) {
    let delay = KeyDelay(microseconds: configuration.settings.persistence.loadKeyDelayMicroseconds)
    let now = Clock.monotonicNanoseconds()
    guard now >= recovery.resumesAtNanoseconds || delay.isNone else { return }
    let deadline = now + (delay.isNone ? Self.recoverySliceNanoseconds : 0)
    let before = recovery.keysOfCurrent
    defer {
      recovery.resumesAtNanoseconds = Clock.monotonicNanoseconds() &+ delay.nanoseconds(keys: recovery.keysOfCurrent - before)
    }
    repeat {
      guard let source = recovery.current else {
        if !finishRecovery() { lifecycle.stopNow(exitCode: 1) }
        return
      }
      guard step(source, this) else { return lifecycle.stopNow(exitCode: 1) }
    } while recovery.isLoading && Clock.monotonicNanoseconds() < deadline
    noteProgress()
  }

  private static let recoverySliceNanoseconds: UInt64 = 5_000_000

  /// Bytes of the files that are loaded, the present one's included.
  private mutating func noteProgress() {
    recovery.bytesDone = recovery.bytesBefore + (recovery.replay?.validEnd ?? recovery.snapshot?.offset ?? 0)
  }

  /// A slice of one file. False if the server cannot start.
  private mutating func step(_ source: Recovery.Source, _ this: UnsafeMutablePointer<Server>) -> Bool {
    if recovery.replay == nil && recovery.snapshot == nil { return open(source) }
    if recovery.snapshot != nil { return stepSnapshot(source) }
    let outcome = recovery.replay?.step(this, requests: 2_000) ?? .done
    let end = recovery.replay?.validEnd ?? 0
    switch outcome {
    case .more: return true
    case .done: return finish(source, validEnd: end, tail: recovery.replay?.hasZeroTail == true ? .zeros : .none)
    case .truncated: return truncated(source)
    case .malformed:
      log.warning(
        "Bad file format reading the append only file \(source.name): make a backup of your AOF file, then use "
          + "martlet-check --fix \(source.name). The first bytes that are no record stand at offset \(end).")
      return false
    case .corrupt(let bytes):
      log.warning(
        "The append only file \(source.name) is damaged: \(bytes) bytes from offset \(end) on are not what was written, and "
          + "sound records follow. Restore it from a copy, or look at it with martlet-check.")
      return false
    case .unknown(let command):
      log.warning("Unknown command '\(command)' reading the append only file \(source.name)")
      return false
    case .unreadable(let code):
      log.warning("Unrecoverable error reading the append only file \(source.name): \(Errno(code).text)")
      return false
    }
  }

  private mutating func open(_ source: Recovery.Source) -> Bool {
    do throws(Errno) {
      let descriptor = try File.open(source.path, for: .read)
      if try SnapshotFile.isSnapshot(descriptor) {
        recovery.snapshot = SnapshotFile(descriptor: descriptor, name: source.name, loader: makeLoader(source))
      } else if !source.isOfLog {
        log.warning("Wrong signature trying to load DB from file \(source.name)")
        log.warning("Fatal error loading the DB, check server logs. Exiting.")
        return false
      } else {
        recovery.replay = Replay(name: source.name, descriptor: descriptor, offset: 0)
      }
      return true
    } catch {
      log.warning("Fatal error: can't open \(source.name) for reading: \(error.text)")
      if !source.isOfLog { log.warning("Fatal error loading the DB: \(error.text). Exiting.") }
      return false
    }
  }

  private func makeLoader(_ source: Recovery.Source) -> SnapshotLoader {
    var options = SnapshotLoader.Options()
    // A log may go on behind its base, so how long the snapshot is is not known there.
    options.totalBytes = source.isOfLog ? nil : UInt64(source.bytes)
    options.expiresAt = source.isOfLog ? nil : Clock.wallMicroseconds() / 1_000
    options.verifiesChecksum = configuration.settings.persistence.snapshotChecksummed
    options.accessClock = execution.pointee.accessClock
    options.encodings = execution.pointee.rules.encodings
    return SnapshotLoader(into: databases, databaseCount: execution.pointee.databaseCount, options: options)
  }

  private mutating func stepSnapshot(_ source: Recovery.Source) -> Bool {
    switch recovery.snapshot?.step() ?? .more {
    case .more: return true
    case .failed(let reason):
      log.warning("Internal error in RDB reading of \(source.name): \(reason)")
      log.warning("Terminating server after rdb file reading failure.")
      return false
    case .done(let end):
      if let figures = recovery.snapshot?.figures {
        recovery.keysLoaded += figures.loaded
        recovery.keysExpired += figures.expired
        if figures.functions > 0 || figures.moduleData > 0 {
          log.warning("Passed over in \(source.name): \(figures.functions) function libraries, \(figures.moduleData) pieces of module data.")
        }
      }
      guard source.isOfLog && end < source.bytes else { return finish(source, validEnd: end, tail: .none) }
      // A base of one file, as before version 7: records follow the snapshot.
      let descriptor = recovery.snapshot?.descriptor ?? -1
      recovery.snapshot = nil
      recovery.replay = Replay(name: source.name, descriptor: descriptor, offset: end)
      return true
    }
  }

  private mutating func truncated(_ source: Recovery.Source) -> Bool {
    let end = recovery.replay?.validEnd ?? 0
    guard source.isLast, configuration.settings.persistence.logLoadsTruncated else {
      log.warning(
        "Unexpected end of file reading the append only file \(source.name). You can: 1) Make a backup of your AOF file, "
          + "then use martlet-check --fix \(source.name). 2) Alternatively you can set the 'aof-load-truncated' "
          + "configuration option to yes and restart the server.")
      return false
    }
    log.warning("!!! Warning: short read while loading the AOF file \(source.name)!!!")
    log.warning("Truncating the AOF \(source.name) at offset \(end)")
    return finish(source, validEnd: end, tail: .torn)
  }

  /// What stands behind the last record.
  private enum Tail {
    case none
    /// Room that was kept ready and not used.
    case zeros
    case torn
  }

  /// The file is loaded: it is forced to disk, whatever stands behind its last record cut off.
  private mutating func finish(_ source: Recovery.Source, validEnd: Int64, tail: Tail) -> Bool {
    do throws(Errno) {
      let descriptor = try File.open(source.path, for: .write)
      defer { try? File.close(descriptor) }
      if tail == .torn { appendLog.droppedTailBytes += try File.status(descriptor).bytes - validEnd }
      if tail != .none { try File.truncate(descriptor, to: validEnd) }
      try File.sync(descriptor)
    } catch {
      log.warning("Error forcing the append only file \(source.name) to disk: \(error.text)")
      return false
    }
    if tail == .torn { log.warning("AOF \(source.name) loaded anyway because aof-load-truncated is enabled") }
    closeLoaded()
    recovery.finishCurrent()
    return true
  }

  mutating func closeLoaded() {
    if let descriptor = recovery.replay?.window.descriptor { try? File.close(descriptor) }
    if let descriptor = recovery.snapshot?.descriptor { try? File.close(descriptor) }
  }

  // MARK: the end

  /// Everything is loaded: the log goes on where it ended, and clients are served.
  mutating func finishRecovery() -> Bool {
    let wasLoading = recovery.isLoading
    let seconds = Double(Clock.monotonicNanoseconds() - max(recovery.beganAtNanoseconds, 1)) / 1e9
    if recovery.isLoading {
      log.notice("DB loaded from \(configuration.settings.persistence.logEnabled ? "append only file" : "disk"): \(decimals(seconds)) seconds")
    }
    replayer.pointee.database = 0
    recovery.end()
    guard !hasStarted else {
      execution.pointee.setClock(microseconds: Clock.wallMicroseconds())
      finishReload()
      applyRestrictions()
      return true
    }
    hasStarted = true
    snapshots.lastSaveSeconds = Clock.wallMicroseconds() / 1_000_000
    snapshots.changesAtSave = execution.pointee.effects.changes
    execution.pointee.setClock(microseconds: Clock.wallMicroseconds())
    applyRestrictions()
    guard !configuration.settings.persistence.logEnabled || openLog() else { return false }
    if wasLoading { announceReady() }
    return true
  }

  private func decimals(_ seconds: Double) -> String {
    let thousandths = Int(seconds * 1_000)
    let rest = String(thousandths % 1_000)
    return "\(thousandths / 1_000)." + String(repeating: "0", count: 3 - rest.count) + rest
  }

  /// Opens the last increment for more, or makes the first files.
  private mutating func openLog() -> Bool {
    let hasData = (0..<execution.pointee.databaseCount).contains { !databases[$0].isEmpty }
    let manifest = appendLog.directory.manifest
    if manifest.files.isEmpty && hasData {
      // A snapshot was loaded: it becomes the base as a rewrite makes one.
      beginEnabling()
      return true
    }
    if manifest.files.isEmpty {
      return makeLogFiles(appendLog.directory.stepsForFirstFiles(base: emptyBase, isSnapshot: configuration.settings.persistence.logBaseIsSnapshot), offset: 0)
    }
    for entry in manifest.files.dropLast() {
      appendLog.olderIncrementBytes += (try? File.status(appendLog.directory.path(of: entry)).bytes) ?? 0
    }
    appendLog.bytesAtRewrite = manifest.base == nil ? 0 : appendLog.olderIncrementBytes
    guard let path = appendLog.directory.currentPath else {
      return makeLogFiles(appendLog.directory.stepsForNextIncrement(), offset: 0)
    }
    do throws(Errno) {
      let descriptor = try File.open(path, for: .write)
      let bytes = try File.status(descriptor).bytes
      startLog(descriptor, offset: bytes)
      appendLog.bytesAtRewrite = appendLog.currentBytes
      return true
    } catch {
      log.warning("Can't open the append-only file \(path): \(error.text)")
      return false
    }
  }

  private mutating func makeLogFiles(_ steps: [FileStep], offset: Int64) -> Bool {
    let result = FileErrands.perform(steps)
    guard result.isDone else {
      log.warning("Can't make the files of the append-only log in \(appendLog.directory.path): \(Errno(result.code).text)")
      return false
    }
    appendLog.directory.stepsDone()
    startLog(result.descriptor, offset: offset)
    return true
  }

  /// Records go to this file from now on.
  mutating func startLog(_ descriptor: Int32, offset: Int64) {
    appendLog.sealNumber = offset == 0 ? 0 : recovery.sealNumber
    openLogFile(descriptor, at: appendLog.directory.currentPath ?? "", offset: offset, seal: appendLog.sealNumber)
    appendLog.selectedDatabase = -1
    appendLog.state = .on
    execution.pointee.effects.isRecording = true
    removeHistory()
  }
}

extension CommitPipeline.Policy {
  init(_ setting: LogSync) {
    switch setting {
    case .always: self = .always
    case .everysec: self = .everySecond
    case .no: self = .never
    }
  }
}
