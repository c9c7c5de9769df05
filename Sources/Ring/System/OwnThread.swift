// OwnThread.swift: a thread with a name, an owner, and an end that the owner waits for.
//
// No thread is ever cancelled: it is told to stop, by whatever it listens to, and joined when it has.
import CURing
import Glibc

public struct OwnThread: ~Copyable {
  private final class Task: Sendable {
    let name: String
    let body: @Sendable () -> Void
    init(_ name: String, _ body: @escaping @Sendable () -> Void) {
      self.name = name
      self.body = body
    }
  }

  private let handle: pthread_t

  /// Starts a thread that runs `body`. `name` is what `top -H` shows, 15 bytes at most. Throws what pthread_create says:
  /// EAGAIN where there are too many threads.
  public init(name: String, _ body: @escaping @Sendable () -> Void) throws(Errno) {
    var handle = pthread_t()
    let context = unsafe Unmanaged.passRetained(Task(name, body)).toOpaque()
    let code = unsafe pthread_create(
      &handle, nil,
      { context in
        guard let context = unsafe context else { return nil }
        let task = unsafe Unmanaged<Task>.fromOpaque(context).takeRetainedValue()
        OwnThread.name(task.name)
        task.body()
        return nil
      }, context)
    guard code == 0 else {
      unsafe Unmanaged<Task>.fromOpaque(context).release()
      throw Errno(code)
    }
    self.handle = handle
  }

  /// Waits until it has ended.
  public consuming func join() { pthread_join(handle, nil) }

  /// Processor time that it has taken since it began, asked from any thread; 0 where nobody counts it.
  public var processorNanoseconds: UInt64 {
    var clock = clockid_t()
    guard unsafe pthread_getcpuclockid(handle, &clock) == 0 else { return 0 }
    return Clock.nanoseconds(clock)
  }

  /// Processor time of the calling thread. A system call.
  public static var ownProcessorNanoseconds: UInt64 { Clock.nanoseconds(CLOCK_THREAD_CPUTIME_ID) }

  /// Names the calling thread.
  public static func name(_ name: String) { unsafe curing_name_thread(String(name.prefix(15))) }

  /// Binds the calling thread to these processors; nothing for an empty list.
  public static func bind(to processors: [Int]) throws(Errno) {
    guard !processors.isEmpty else { return }
    var bits = [UInt64](repeating: 0, count: 1 + (processors.max() ?? 0) / 64)
    for processor in processors where processor >= 0 { bits[processor / 64] |= 1 << UInt64(processor % 64) }
    let code = unsafe bits.withUnsafeBytes { unsafe -curing_bind_thread($0.baseAddress, $0.count) }
    guard code == 0 else { throw Errno(code) }
  }
}

/// What another thread says first. Whoever started it waits for that, or looks whether it has been said.
@safe public final class FirstWord<Value: Sendable>: @unchecked Sendable {
  private var mutex = unsafe pthread_mutex_t()
  private var condition = pthread_cond_t()
  private var value: Value?

  public init() {
    unsafe pthread_mutex_init(&mutex, nil)
    unsafe pthread_cond_init(&condition, nil)
  }

  deinit {
    unsafe pthread_cond_destroy(&condition)
    unsafe pthread_mutex_destroy(&mutex)
  }

  public func say(_ value: Value) {
    unsafe pthread_mutex_lock(&mutex)
    self.value = value
    unsafe pthread_cond_signal(&condition)
    unsafe pthread_mutex_unlock(&mutex)
  }

  /// What it has said, if it has.
  public var heard: Value? {
    unsafe pthread_mutex_lock(&mutex)
    defer { unsafe pthread_mutex_unlock(&mutex) }
    return value
  }

  public func hear() -> Value {
    unsafe pthread_mutex_lock(&mutex)
    defer { unsafe pthread_mutex_unlock(&mutex) }
    while true {
      if let value { return value }
      unsafe pthread_cond_wait(&condition, &mutex)
    }
  }
}
