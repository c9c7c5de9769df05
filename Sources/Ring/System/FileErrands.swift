// FileErrands.swift — steps on names and files, carried out by a thread that may wait for the disk.
//
//   ring's thread ── errand: steps ──▶ ┌────────────┐ ── result ──▶ ring's thread
//                                      │ one thread │ ── eventfd ──▶ polled by the ring
//                                      └────────────┘
//
// Opening, renaming and making directories durable happens a few times an hour and may take
// milliseconds: too rare for operations of their own in every engine, too slow for the loop.
// Errands run in the order in which they were given. The thread is made with the first.
import Bytes
import CURing
import Glibc

@safe public struct FileErrands: ~Copyable {
  /// What became of an errand.
  public struct Result: Sendable {
    public let number: UInt64
    /// 0, or the errno of the step that failed.
    public let code: Int32
    /// The step that failed; the number of steps if none did.
    public let stepsDone: Int
    /// What `create` or `open` opened; -1 if nothing, or if a later step failed: it is closed then.
    public let descriptor: Int32
    public var isDone: Bool { code == 0 }
  }

  private struct Errand {
    let number: UInt64
    let steps: [FileStep]
  }

  @safe private struct Shared: ~Copyable {
    var mutex = unsafe pthread_mutex_t()
    var condition = pthread_cond_t()
    var errands: [Errand] = []
    var results: [Result] = []
    var isStopping = false
    let event: Int32
  }

  private let shared: UnsafeMutablePointer<Shared>
  private var thread: pthread_t?
  private var nextNumber: UInt64 = 1
  /// Poll it; `collect` when it is readable.
  public let event: Int32

  public init() throws(Errno) {
    let event = eventfd(0, Int32(EFD_NONBLOCK | EFD_CLOEXEC))
    guard event >= 0 else { throw .last }
    self.event = event
    unsafe shared = .allocate(capacity: 1)
    unsafe shared.initialize(to: Shared(event: event))
    unsafe pthread_mutex_init(&shared.pointee.mutex, nil)
    unsafe pthread_cond_init(&shared.pointee.condition, nil)
  }

  deinit {
    if let thread {
      unsafe pthread_mutex_lock(&shared.pointee.mutex)
      unsafe shared.pointee.isStopping = true
      unsafe pthread_cond_signal(&shared.pointee.condition)
      unsafe pthread_mutex_unlock(&shared.pointee.mutex)
      pthread_join(thread, nil)
    }
    unsafe pthread_cond_destroy(&shared.pointee.condition)
    unsafe pthread_mutex_destroy(&shared.pointee.mutex)
    unsafe shared.deinitialize(count: 1)
    unsafe shared.deallocate()
    Socket.close(event)
  }

  /// Gives an errand; its number, under which the result comes.
  public mutating func give(_ steps: [FileStep]) -> UInt64 {
    let number = nextNumber
    nextNumber += 1
    if thread == nil { start() }
    guard thread != nil else {
      // No thread to be had: better late than never.
      unsafe shared.pointee.results.append(Self.perform(Errand(number: number, steps: steps)))
      _ = eventfd_write(event, 1)
      return number
    }
    unsafe pthread_mutex_lock(&shared.pointee.mutex)
    unsafe shared.pointee.errands.append(Errand(number: number, steps: steps))
    unsafe pthread_cond_signal(&shared.pointee.condition)
    unsafe pthread_mutex_unlock(&shared.pointee.mutex)
    return number
  }

  /// Results since the last call, oldest first.
  public func collect() -> [Result] {
    var count: eventfd_t = 0
    _ = unsafe eventfd_read(event, &count)
    unsafe pthread_mutex_lock(&shared.pointee.mutex)
    defer { unsafe pthread_mutex_unlock(&shared.pointee.mutex) }
    let results = unsafe shared.pointee.results
    unsafe shared.pointee.results = []
    return results
  }

  private mutating func start() {
    var started = pthread_t()
    let code = unsafe pthread_create(
      &started, nil,
      { argument in
        unsafe curing_name_thread("martlet-errands")
        unsafe FileErrands.run(argument!.assumingMemoryBound(to: Shared.self))
        return nil
      }, shared)
    if code == 0 { thread = started }
  }

  private static func run(_ shared: UnsafeMutablePointer<Shared>) {
    unsafe pthread_mutex_lock(&shared.pointee.mutex)
    while true {
      while unsafe shared.pointee.errands.isEmpty && !shared.pointee.isStopping {
        unsafe pthread_cond_wait(&shared.pointee.condition, &shared.pointee.mutex)
      }
      // What was given is done even when stopping.
      guard unsafe !shared.pointee.errands.isEmpty else { break }
      let errand = unsafe shared.pointee.errands.removeFirst()
      unsafe pthread_mutex_unlock(&shared.pointee.mutex)
      let result = perform(errand)
      unsafe pthread_mutex_lock(&shared.pointee.mutex)
      unsafe shared.pointee.results.append(result)
      _ = unsafe eventfd_write(shared.pointee.event, 1)
    }
    unsafe pthread_mutex_unlock(&shared.pointee.mutex)
  }

  /// Carries the steps out at once, in the calling thread; for start-up and shutdown.
  public static func perform(_ steps: [FileStep]) -> Result { perform(Errand(number: 0, steps: steps)) }

  private static func perform(_ errand: Errand) -> Result {
    var opened: Int32 = -1
    for (index, step) in errand.steps.enumerated() {
      do throws(Errno) {
        try carryOut(step, &opened)
      } catch {
        if opened >= 0 { try? File.close(opened) }
        return Result(number: errand.number, code: error.code, stepsDone: index, descriptor: -1)
      }
    }
    return Result(number: errand.number, code: 0, stepsDone: errand.steps.count, descriptor: opened)
  }

  private static func carryOut(_ step: FileStep, _ opened: inout Int32) throws(Errno) {
    switch step {
    case .makeDirectory(let path):
      do throws(Errno) { try File.makeDirectory(path) } catch { if error.code != EEXIST { throw error } }
    case .create(let path): opened = try File.open(path, for: .createNew)
    case .open(let path): opened = try File.open(path, for: .write)
    case .openDirect(let path): opened = try File.openDirect(path)
    case .syncOpened: try File.sync(opened)
    case .write(let path, let bytes): try write(path, bytes)
    case .rename(let old, let new): try File.rename(old, to: new)
    case .syncDirectory(let path): try File.syncDirectory(path)
    case .remove(let path):
      do throws(Errno) { try File.remove(path) } catch { if error.code != ENOENT { throw error } }
    case .truncate(let descriptor, let bytes): try File.truncate(descriptor, to: bytes)
    case .fill(let path, let from, let bytes): try fill(path, from: from, bytes: bytes)
    case .trim(let path, let bytes): try trim(path, to: bytes)
    case .sync(let descriptor): try File.sync(descriptor)
    case .close(let descriptor): try File.close(descriptor)
    }
  }

  private static func fill(_ path: String, from: Int64, bytes: Int64) throws(Errno) {
    try with(path) { descriptor throws(Errno) in
      guard let zeros = unsafe calloc(1, fillPieceBytes) else { throw Errno(ENOMEM) }
      defer { unsafe free(zeros) }
      var done: Int64 = 0
      while done < bytes {
        let piece = Int(min(Int64(fillPieceBytes), bytes - done))
        try unsafe File.write(descriptor, ByteView(start: zeros, count: piece), offset: from + done)
        done += Int64(piece)
      }
      try File.writeBack(descriptor, from: from, bytes: bytes)
    }
  }

  private static let fillPieceBytes = 64 << 10

  private static func trim(_ path: String, to bytes: Int64) throws(Errno) {
    try with(path) { descriptor throws(Errno) in
      if try File.status(descriptor).bytes > bytes { try File.truncate(descriptor, to: bytes) }
    }
  }

  /// Works on a file that exists already.
  private static func with(_ path: String, _ work: (Int32) throws(Errno) -> Void) throws(Errno) {
    let descriptor = try File.open(path, for: .update)
    do throws(Errno) { try work(descriptor) } catch {
      try? File.close(descriptor)
      throw error
    }
    try File.close(descriptor)
  }

  private static func write(_ path: String, _ bytes: [UInt8]) throws(Errno) {
    let descriptor = try File.open(path, for: .truncate)
    do throws(Errno) {
      var failure: Errno?
      unsafe bytes.withUnsafeBytes { raw in
        do throws(Errno) { try unsafe File.write(descriptor, ByteView(raw)) } catch { failure = error }
      }
      if let failure { throw failure }
      try File.sync(descriptor)
    } catch {
      try? File.close(descriptor)
      throw error
    }
    try File.close(descriptor)
  }
}
