// FileWorld.swift — a server that is nothing but its files, for LogDirectoryTests.
//
//   numbers 1, 2, … are its data:   base "1 2 3 end"   increment " 4  5 "
//
// It carries out the steps that LogDirectory hands out, and before and after each of them reads every image that
// a crash could leave, as a start would. What is read must be one of the states that are right at that moment.
import Bytes

@testable import Persistence

/// A server with nothing but its files: numbers are its data, bases and increments hold them.
struct FileWorld {
  typealias Failure = String

  var disk = SimulatedDirectory()
  var log = LogDirectory(path: "log", prefix: "aof")
  /// What a client was told is on disk: 1, 2, … `saved`.
  var saved = 0
  /// The file that takes records.
  var current: String?
  /// What went wrong; a good order of steps leaves it empty.
  var failures: [Failure] = []
  /// Crashes looked at.
  var crashes = 0
  /// Faults planted into the steps.
  var plant: ([FileStep]) -> [FileStep] = { $0 }

  static func base(upTo count: Int) -> [UInt8] {
    Array(((1...max(count, 1)).prefix(count).map(String.init) + ["end"]).joined(separator: " ").utf8)
  }

  enum Found: Equatable {
    case nothing
    case records([Int])
    case broken(String)
  }

  /// What a start would find.
  static func recover(_ image: SimulatedDirectory.Image, _ log: LogDirectory) -> Found {
    guard let text = image[log.manifestPath] else { return .nothing }
    guard let manifest = try? LogManifest(parsing: String(decoding: text, as: UTF8.self)) else {
      return .broken("the manifest is torn")
    }
    var records: [Int] = []
    for entry in manifest.files {
      guard let bytes = image[log.path(of: entry)] else { return .broken("\(entry.name) is named and not there") }
      let words = String(decoding: bytes, as: UTF8.self).split(separator: " ")
      if entry == manifest.base && words.last != "end" { return .broken("the base \(entry.name) is not whole") }
      records += words.compactMap { Int($0) }
    }
    return .records(records)
  }

  /// Every crash now must leave one of these.
  mutating func check(_ allowed: [Found], _ place: String) {
    for image in disk.images() {
      crashes += 1
      let found = FileWorld.recover(image, log)
      if !allowed.contains(found) { failures.append("\(place): \(found)") }
    }
  }

  /// Carries steps out with a look at every crash between them. A step may be made to fail. True if all were done.
  mutating func run(_ steps: [FileStep], _ allowed: [Found], failingAt failing: Int? = nil) -> Bool {
    for (index, step) in plant(steps).enumerated() {
      check(allowed, "before \(step)")
      guard index != failing, disk.perform(step) else {
        check(allowed, "after the failure of \(step)")
        log.stepsFailed()
        return false
      }
    }
    log.stepsDone()
    check(allowed, "at the end")
    return true
  }

  var whole: Found { .records(Array(1...max(saved, 1)).prefix(saved).map { $0 }) }

  mutating func append(_ count: Int) {
    guard let current else { return }
    for _ in 0..<count {
      disk.append(Array(" \(saved + 1) ".utf8), to: current, isSynced: true)
      saved += 1
      check([whole], "after a record")
    }
  }

  // MARK: what a server does

  mutating func begin() {
    _ = disk.perform(.makeDirectory("log"))
    let steps = log.stepsForFirstFiles(base: FileWorld.base(upTo: 0), isSnapshot: true)
    if run(steps, [.nothing, .records([])]) { current = log.currentPath }
  }

  /// A snapshot under a temporary name, whole and synced.
  mutating func writeBase(_ count: Int, isSynced: Bool = true) {
    _ = disk.perform(.remove("temp"))
    _ = disk.perform(.create("temp"))
    disk.append(FileWorld.base(upTo: count), to: "temp", isSynced: isSynced)
  }

  /// BGREWRITEAOF, with records between all parts of it.
  mutating func rewrite(failingAt failing: (part: Int, step: Int)? = nil, isBaseSynced: Bool = true) {
    // Not while a rescue is wanted.
    guard current != nil else { return }
    let count = saved
    let next = log.stepsForNextIncrement()
    guard run(next, [whole], failingAt: failing?.part == 0 ? failing?.step : nil) else { return append(1) }
    current = log.currentPath
    append(2)
    writeBase(count, isSynced: isBaseSynced)
    let base = log.stepsForNewBase(temporary: "temp", isSnapshot: true, includesHidden: false)
    guard run(base, [whole], failingAt: failing?.part == 1 ? failing?.step : nil) else { return append(1) }
    append(1)
    removeHistory(failingAt: failing?.part == 2 ? failing?.step : nil)
    append(1)
  }

  mutating func removeHistory(failingAt failing: Int? = nil) {
    let steps = log.stepsForRemovingHistory()
    if !steps.isEmpty { _ = run(steps, [whole], failingAt: failing) }
  }

  /// The file is poisoned: `unsaved` records are in memory only, until a new base has them.
  mutating func rescue(unsaved: Int, failingAt failing: (part: Int, step: Int)? = nil) {
    let old = whole
    // Nothing is written to a poisoned file, and nothing promised.
    current = nil
    guard run(log.stepsForHiddenIncrement(), [old], failingAt: failing?.part == 0 ? failing?.step : nil) else { return }
    // As the server does: the number is used up, the manifest comes with the base.
    log.stepsFailed()
    writeBase(saved + unsaved)
    let new = Found.records((1...max(1, saved + unsaved)).prefix(saved + unsaved).map { $0 })
    let steps = log.stepsForNewBase(temporary: "temp", isSnapshot: false, includesHidden: true)
    let isDone = run(steps, [old, new], failingAt: failing?.part == 1 ? failing?.step : nil)
    guard isDone else {
      // Which of the two it is stays open; a later base decides.
      return
    }
    saved += unsaved
    check([new], "after the rescue")
    current = log.currentPath
    append(2)
    removeHistory()
  }

  /// The power goes and comes back: what a start finds is what there is from now on.
  mutating func crash(_ dice: inout Dice) {
    let images = disk.images()
    let image = images[dice.below(images.count)]
    disk = SimulatedDirectory(image)
    guard let text = image[log.manifestPath],
      let manifest = try? LogManifest(parsing: String(decoding: text, as: UTF8.self))
    else {
      log = LogDirectory(path: "log", prefix: "aof")
      saved = 0
      current = nil
      return begin()
    }
    log = LogDirectory(path: "log", prefix: "aof", manifest: manifest)
    guard case .records(let records) = FileWorld.recover(image, log) else { return }
    saved = records.count
    current = log.currentPath
  }
}
