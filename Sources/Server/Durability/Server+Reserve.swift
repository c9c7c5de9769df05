// Server+Reserve.swift — zeros ahead of the log: asked for, there, and cut off again.
//
// The thread for files does the work, in the order in which it is given: a filling that is under way when the
// file is left is done before the file is trimmed, and before its descriptor is closed.
import Bytes
import Persistence
import Ring

extension Server {
  /// Records go to this file from now on.
  mutating func openLogFile(_ descriptor: Int32, at path: String, offset: Int64 = 0, seal: UInt64 = 0) {
    appendLog.pipeline.open(descriptor, offset: offset, seal: seal)
    appendLog.reserve.began(generation: appendLog.pipeline.file?.generation ?? 0)
    appendLog.path = path
    appendLog.keepsDurableWrites = false
  }

  /// What ends the log's use of a file.
  func closing(_ file: CommitPipeline.File) -> [FileStep] {
    file.directDescriptor < 0 ? [.close(file.descriptor)] : [.close(file.directDescriptor), .close(file.descriptor)]
  }

  /// Whether the file should have more zeros at its end, or none.
  mutating func keepReserve() {
    guard let file = appendLog.pipeline.file, appendLog.pipeline.health == .healthy, snapshots.fileSwitch == .none else { return }
    let action = appendLog.reserve.next(
      offset: appendLog.pipeline.submittedOffset, isIdle: appendLog.pipeline.isIdle, nowNanoseconds: clock.nanoseconds)
    switch action {
    case .fill(let from, let bytes):
      give([.fill(appendLog.path, from: from, bytes: bytes)], .reserve(generation: file.generation))
      openDirectly(file)
    case .trim(let bytes): give([.trim(appendLog.path, bytes: bytes)], .reserve(generation: file.generation))
    case nil: return
    }
    applyReserve()
  }

  mutating func reserveChanged(_ generation: UInt64, _ result: FileErrands.Result) {
    appendLog.reserve.finished(generation: generation, isDone: result.isDone, nowNanoseconds: clock.nanoseconds)
    applyReserve()
    if !result.isDone { log.verbose("Can't write zeros ahead of the append-only log: \(Errno(result.code).text)") }
  }

  private mutating func applyReserve() {
    appendLog.pipeline.offsetLimit = appendLog.reserve.limit
    if appendLog.reserve.end == 0 {
      appendLog.pipeline.zerosRemoved()
    } else if appendLog.keepsDurableWrites {
      appendLog.pipeline.zerosWritten(to: appendLog.reserve.end)
    }
  }

  /// A second descriptor of the file, once: with its first zeros.
  private mutating func openDirectly(_ file: CommitPipeline.File) {
    guard file.directDescriptor < 0, appendLog.reserve.end == 0 else { return }
    give([.openDirect(appendLog.path)], .directFile(generation: file.generation))
  }

  mutating func directFileOpened(_ generation: UInt64, _ result: FileErrands.Result) {
    // A file system that may not keep RWF_DSYNC: commits stay chains of a write and a sync.
    guard result.isDone else { return }
    guard let file = appendLog.pipeline.file, file.generation == generation, file.directDescriptor < 0 else {
      return give([.close(result.descriptor)], .other)
    }
    appendLog.keepsDurableWrites = true
    applyReserve()
    guard configuration.settings.persistence.logWritesDirectly else { return give([.close(result.descriptor)], .other) }
    appendLog.pipeline.openDirect(result.descriptor)
  }

  /// All records of the file are durable and no more will come: what is left of its zeros is cut off.
  mutating func trimLog() {
    guard let file = appendLog.pipeline.file, appendLog.reserve.hasZeros(beyond: file.offset) else { return }
    give([.trim(appendLog.path, bytes: file.offset)], .other)
  }
}
