// FileThread.swift: writes and syncs for an engine whose kernel interface knows only readiness.
//
//   ring's thread ── jobs ──▶ ┌────────────┐ ── results ──▶ ring's thread
//                             │ one thread │ ── eventfd ──▶ epoll
//                             └────────────┘
//
// A file is always ready and yet blocks, so somebody else has to wait for it. One thread, because the
// order of a write and its sync must hold. Made with the first job.
import CURing
import Glibc

@safe struct FileThread: ~Copyable {
  enum Kind: UInt8 { case write, sync, writeThenSync, writeDurably }

  @safe struct Job: BitwiseCopyable {
    var kind: Kind
    var descriptor: Int32
    var memory: UnsafeRawPointer?
    var count: Int
    var offset: Int64
    var token: Token
    /// The sync's token of a `writeThenSync`.
    var syncToken: Token
  }

  /// What both threads see, under the mutex.
  @safe private struct Shared: ~Copyable {
    var mutex = unsafe pthread_mutex_t()
    var condition = pthread_cond_t()
    var jobs = Fifo<Job>()
    var results = Fifo<Completion>()
    var isStopping = false
    let event: Int32
  }

  private let shared: UnsafeMutablePointer<Shared>
  private let thread: pthread_t
  /// Written to whenever there are results; never read.
  let event: Int32

  /// Starts the thread; nil when there is no descriptor or no thread to be had.
  init?() {
    let event = eventfd(0, Int32(EFD_NONBLOCK | EFD_CLOEXEC))
    guard event >= 0 else { return nil }
    let shared = UnsafeMutablePointer<Shared>.allocate(capacity: 1)
    unsafe shared.initialize(to: Shared(event: event))
    unsafe pthread_mutex_init(&shared.pointee.mutex, nil)
    unsafe pthread_cond_init(&shared.pointee.condition, nil)
    var thread = pthread_t()
    let code = unsafe pthread_create(
      &thread, nil,
      { argument in
        unsafe curing_name_thread("martlet-file")
        unsafe FileThread.run(argument!.assumingMemoryBound(to: Shared.self))
        return nil
      }, shared)
    guard code == 0 else {
      unsafe shared.deinitialize(count: 1)
      unsafe shared.deallocate()
      Socket.close(event)
      return nil
    }
    unsafe self.shared = shared
    self.thread = thread
    self.event = event
  }

  deinit {
    unsafe pthread_mutex_lock(&shared.pointee.mutex)
    unsafe shared.pointee.isStopping = true
    unsafe pthread_cond_signal(&shared.pointee.condition)
    unsafe pthread_mutex_unlock(&shared.pointee.mutex)
    pthread_join(thread, nil)
    unsafe pthread_cond_destroy(&shared.pointee.condition)
    unsafe pthread_mutex_destroy(&shared.pointee.mutex)
    unsafe shared.deinitialize(count: 1)
    unsafe shared.deallocate()
    Socket.close(event)
  }

  /// Hands over all jobs, in order.
  func submit(_ jobs: inout Fifo<Job>) {
    unsafe pthread_mutex_lock(&shared.pointee.mutex)
    while let job = jobs.pop() { unsafe shared.pointee.jobs.push(job) }
    unsafe pthread_cond_signal(&shared.pointee.condition)
    unsafe pthread_mutex_unlock(&shared.pointee.mutex)
  }

  /// Takes what has been done.
  func collect(into completions: inout Fifo<Completion>) {
    unsafe pthread_mutex_lock(&shared.pointee.mutex)
    while let result = unsafe shared.pointee.results.pop() { completions.push(result) }
    unsafe pthread_mutex_unlock(&shared.pointee.mutex)
  }

  private static func run(_ shared: UnsafeMutablePointer<Shared>) {
    unsafe pthread_mutex_lock(&shared.pointee.mutex)
    while true {
      while unsafe shared.pointee.jobs.isEmpty && !shared.pointee.isStopping {
        unsafe pthread_cond_wait(&shared.pointee.condition, &shared.pointee.mutex)
      }
      // What was handed over is done even when stopping: somebody may have counted on it.
      guard let job = unsafe shared.pointee.jobs.pop() else { break }
      unsafe pthread_mutex_unlock(&shared.pointee.mutex)
      let (first, second) = perform(job)
      unsafe pthread_mutex_lock(&shared.pointee.mutex)
      unsafe shared.pointee.results.push(first)
      if let second { unsafe shared.pointee.results.push(second) }
      _ = unsafe eventfd_write(shared.pointee.event, 1)
    }
    unsafe pthread_mutex_unlock(&shared.pointee.mutex)
  }

  private static func perform(_ job: Job) -> (Completion, Completion?) {
    switch job.kind {
    case .sync:
      return (Completion(token: job.token, result: sync(job.descriptor), flags: 0), nil)
    case .write, .writeThenSync, .writeDurably:
      var result: Int32
      repeat {
        let flags = job.kind == .writeDurably ? CURING_WRITE_DURABLY : 0
        let count = unsafe curing_pwrite(job.descriptor, job.memory, job.count, job.offset, flags)
        result = count < 0 ? -errno : Int32(count)
      } while result == -EINTR
      let write = Completion(token: job.token, result: result, flags: 0)
      guard job.kind == .writeThenSync else { return (write, nil) }
      // As in a linked pair: anything but a whole write cancels the sync.
      let whole = Int(result) == job.count
      let synced = whole ? sync(job.descriptor) : -ECANCELED
      return (write, Completion(token: job.syncToken, result: synced, flags: 0))
    }
  }

  private static func sync(_ descriptor: Int32) -> Int32 { fdatasync(descriptor) == 0 ? 0 : -errno }
}
