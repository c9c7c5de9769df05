// LogDirectory.swift — how the log goes from one set of files to the next, safe at every step.
//
//   increment N durable to its end
//     ─▶ make increment N+1, sync it, sync the directory ─▶ manifest names it ─▶ records go there
//     ─▶ base written beside, synced ─▶ renamed, directory synced ─▶ manifest drops what it replaces
//     ─▶ old files removed
//
// A crash before a manifest's rename leaves the old set whole, one after it the new set; both
// hold the same data. A name is in a manifest only when the file behind it is durable.
import Bytes

public struct LogDirectory: Equatable, Sendable {
  /// The directory and the common part of the files' names: `appenddirname`, `appendfilename`.
  public let path: String
  public let prefix: String
  /// What the manifest on disk says.
  public private(set) var manifest: LogManifest
  /// What it will say once the steps under way are done.
  private var pending: LogManifest?

  public init(path: String, prefix: String, manifest: LogManifest = LogManifest()) {
    self.path = path
    self.prefix = prefix
    self.manifest = manifest
  }

  public var manifestPath: String { "\(path)/\(prefix).manifest" }
  public func path(of entry: LogManifest.Entry) -> String { "\(path)/\(entry.name)" }
  /// The increment that takes records.
  public var currentPath: String? { manifest.increments.last.map { path(of: $0) } }

  /// The increment that was made last, whether the manifest names it yet or not.
  public var newestIncrementPath: String { "\(path)/\(incrementName(manifest.incrementSequence))" }

  private func incrementName(_ sequence: Int64) -> String { "\(prefix).\(sequence).incr.aof" }
  private func baseName(_ sequence: Int64, isSnapshot: Bool) -> String {
    "\(prefix).\(sequence).base.\(isSnapshot ? "rdb" : "aof")"
  }
  /// Where the next increment will be.
  public var nextIncrementPath: String { "\(path)/\(incrementName(manifest.incrementSequence + 1))" }

  // MARK: steps

  /// A new increment that the manifest names at once; for a rewrite of a log that is in use.
  public mutating func stepsForNextIncrement() -> [FileStep] {
    var next = manifest
    next.incrementSequence += 1
    let entry = LogManifest.Entry(name: incrementName(next.incrementSequence), sequence: next.incrementSequence)
    next.increments.append(entry)
    pending = next
    return makeIncrement(entry) + replaceManifest(next)
  }

  /// A new increment that no manifest names yet; for a log that has no base, or no good one.
  public mutating func stepsForHiddenIncrement() -> [FileStep] {
    var next = manifest
    next.incrementSequence += 1
    pending = next
    let entry = LogManifest.Entry(name: incrementName(next.incrementSequence), sequence: next.incrementSequence)
    return makeIncrement(entry)
  }

  /// The base is written and durable under `temporary`: it takes its place.
  /// - Parameter replacingAll: also the increments before the newest one are obsolete and the newest one is hidden still.
  public mutating func stepsForNewBase(temporary: String, isSnapshot: Bool, includesHidden: Bool) -> [FileStep] {
    var next = manifest
    next.baseSequence += 1
    let entry = LogManifest.Entry(
      name: baseName(next.baseSequence, isSnapshot: isSnapshot), sequence: next.baseSequence)
    let current = includesHidden
      ? LogManifest.Entry(name: incrementName(next.incrementSequence), sequence: next.incrementSequence)
      : next.increments.popLast()
    // The newest first, as Redis lists them.
    next.history = next.increments + (next.base.map { [$0] } ?? []) + next.history
    next.base = entry
    next.increments = current.map { [$0] } ?? []
    pending = next
    return [.rename(temporary, to: path(of: entry)), .syncDirectory(path)] + replaceManifest(next)
  }

  /// Removes files that nothing needs any more, and says so in the manifest.
  public mutating func stepsForRemovingHistory() -> [FileStep] {
    guard !manifest.history.isEmpty else { return [] }
    var next = manifest
    next.history = []
    pending = next
    let removals = manifest.history.map { FileStep.remove(path(of: $0)) }
    return replaceManifest(next) + removals + [.syncDirectory(path)]
  }

  /// The first files of a log: an empty base is not needed, an increment and a manifest are.
  public mutating func stepsForFirstFiles(base: [UInt8], isSnapshot: Bool) -> [FileStep] {
    var next = manifest
    next.baseSequence += 1
    let baseEntry = LogManifest.Entry(
      name: baseName(next.baseSequence, isSnapshot: isSnapshot), sequence: next.baseSequence)
    next.base = baseEntry
    next.incrementSequence += 1
    let entry = LogManifest.Entry(name: incrementName(next.incrementSequence), sequence: next.incrementSequence)
    next.increments.append(entry)
    pending = next
    return [.write(path(of: baseEntry), base)] + makeIncrement(entry) + replaceManifest(next)
  }

  /// An old log of one file becomes the base of a new directory.
  public mutating func stepsForUpgrade(from file: String) -> [FileStep] {
    var next = manifest
    next.baseSequence = 1
    let entry = LogManifest.Entry(name: file, sequence: 1)
    next.base = entry
    pending = next
    return replaceManifest(next) + [.rename(file, to: path(of: entry)), .syncDirectory(path), .syncDirectory(".")]
  }

  private func makeIncrement(_ entry: LogManifest.Entry) -> [FileStep] {
    // A file of that name can only be what an attempt that failed has left: no manifest ever named it.
    [.remove(path(of: entry)), .create(path(of: entry)), .syncOpened, .syncDirectory(path)]
  }

  private func replaceManifest(_ next: LogManifest) -> [FileStep] {
    let temporary = "\(path)/temp-\(prefix).manifest"
    return [
      .write(temporary, Array(next.text.utf8)), .rename(temporary, to: manifestPath), .syncDirectory(path),
    ]
  }

  /// The steps handed out last are done.
  public mutating func stepsDone() {
    if let pending { manifest = pending }
    pending = nil
  }

  /// They failed. What they made is not named by a manifest and will be overwritten.
  public mutating func stepsFailed() {
    // A number once used for a file is not used again, whatever became of the file.
    if let pending {
      manifest.incrementSequence = max(manifest.incrementSequence, pending.incrementSequence)
      manifest.baseSequence = max(manifest.baseSequence, pending.baseSequence)
    }
    pending = nil
  }
}
