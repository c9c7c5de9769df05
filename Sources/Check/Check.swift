// Check.swift — what is at a path, and how it is checked.
//
//   directory ─▶ its manifests, or else its snapshots and logs
//   manifest  ─▶ base ─▶ increment ─▶ … ─▶ the last increment, the only one whose end may be cut
//   file      ─▶ begins with REDIS or VALKEY: a snapshot, perhaps with records behind it; else a log
import Bytes
import Persistence
import Ring

struct Check {
  let repairs: Bool
  let nowMilliseconds: Int64
  private(set) var report = Report()

  init(repairs: Bool, nowMilliseconds: Int64) {
    self.repairs = repairs
    self.nowMilliseconds = nowMilliseconds
  }

  mutating func path(_ path: String) {
    do throws(Errno) {
      switch try File.status(path).kind {
      case .directory: try directory(path)
      case .regular where path.hasSuffix(".manifest"): try manifest(path)
      case .regular: try file(path, isLast: true)
      case .socket, .other:
        report.say(path, "neither a file nor a directory")
        report.damage("it cannot be checked")
      }
    } catch {
      report.say(path, "cannot be read")
      report.damage(error.text)
    }
  }

  private mutating func directory(_ path: String) throws(Errno) {
    let names = try File.names(in: path).sorted()
    let manifests = names.filter { $0.hasSuffix(".manifest") }
    let others = names.filter { $0.hasSuffix(".rdb") || $0.hasSuffix(".aof") }
    let logs = names.filter { (try? File.status("\(path)/\($0)").kind) == .directory && $0.hasSuffix("dir") }
    guard !manifests.isEmpty || !others.isEmpty || !logs.isEmpty else {
      report.say(path, "a directory without snapshots and logs")
      return report.damage("there is nothing to check")
    }
    for name in manifests { self.path("\(path)/\(name)") }
    // The files of a log were checked in their order, by its manifest.
    if manifests.isEmpty { for name in others { self.path("\(path)/\(name)") } }
    for name in logs { self.path("\(path)/\(name)") }
  }

  private mutating func manifest(_ path: String) throws(Errno) {
    let bytes = try File.readAll(path)
    let manifest: LogManifest
    do throws(LogManifest.Refusal) {
      manifest = try LogManifest(parsing: String(decoding: bytes, as: UTF8.self))
    } catch {
      report.say(path, "manifest of a log")
      return report.damage("line \(error.line): \(error.reason)")
    }
    let base = manifest.base == nil ? "no base" : "a base"
    report.say(path, "manifest of a log: \(base), \(counted(manifest.increments.count, "increment"))")
    if !manifest.history.isEmpty {
      report.note("\(counted(manifest.history.count, "file")) of history, which no server needs any more")
    }
    let directory = File.directory(of: path)
    let files = manifest.files
    for (index, entry) in files.enumerated() {
      let path = "\(directory)/\(entry.name)"
      guard File.exists(path) else {
        report.say(path, "named by the manifest")
        report.damage("it does not exist")
        continue
      }
      let isIncrement = index > 0 || manifest.base == nil
      try file(path, isLast: index == files.count - 1 && isIncrement)
    }
  }

  /// A snapshot or a log. Only the last file of a log may be cut.
  private mutating func file(_ path: String, isLast: Bool) throws(Errno) {
    var file = try WindowedFile(path)
    try file.fill()
    let bytes = file.window
    if bytes.isEmpty { return report.say(path, "empty") }
    let hasMagic = bytes.prefix(5) == ByteView("REDIS") || bytes.prefix(6) == ByteView("VALKEY")
    let tail = !isLast ? LogCheck.Tail.keep : repairs ? .repair : .report
    guard hasMagic || path.hasSuffix(".rdb") else { return try LogCheck.run(path, &file, tail, &report) }
    var check = SnapshotCheck(nowMilliseconds: nowMilliseconds)
    guard let end = try check.run(path, &file, &report), end < file.bytesTotal else { return }
    if path.hasSuffix(".rdb") {
      return report.damage("\(counted(file.bytesTotal - end, "byte")) follow the end of the snapshot")
    }
    // A log whose first part is a snapshot in the same file, as servers before Redis 7 wrote it.
    try LogCheck.run(path, &file, tail, &report)
  }
}
