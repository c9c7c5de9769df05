// ModelThread.swift — one logical thread of an execution: a pthread, a store buffer and a clock.
import Glibc

/// A binary baton between pthreads.
final class Semaphore: @unchecked Sendable {
  private let semaphore = UnsafeMutablePointer<sem_t>.allocate(capacity: 1)

  init() { sem_init(semaphore, 0, 0) }
  deinit {
    sem_destroy(semaphore)
    semaphore.deallocate()
  }

  func post() { sem_post(semaphore) }
  func wait() { while sem_wait(semaphore) != 0 {} }
}

/// What plain accesses there were to one address.
struct Shadow {
  var writer = -1
  var writeTime: UInt32 = 0
  var readTimes = Explorer.Clock()
}

final class ModelThread: @unchecked Sendable {
  enum State: Equatable { case ready, paused(Int), asleep, finished }

  /// A store that other threads do not see yet.
  struct HeldStore {
    let cell: ModelCell
    let value: UInt64
    let released: Explorer.Clock
  }

  unowned let explorer: Explorer
  let index: Int
  let turn = Semaphore()
  var state = State.finished
  var isWoken = false
  var buffer: [HeldStore] = []
  /// What this thread knows to have happened, by thread.
  var clock = Explorer.Clock()
  /// Commits of this thread's own stores; they are no reason for it to look again.
  var ownCommits = 0
  private var body: (() -> Void)?
  private var handle = pthread_t()

  private static let key: pthread_key_t = {
    var key = pthread_key_t()
    pthread_key_create(&key, nil)
    return key
  }()

  /// The model thread that calls; nil on any other thread, whose accesses are not explored.
  static var current: ModelThread? {
    guard let pointer = pthread_getspecific(key) else { return nil }
    return Unmanaged<ModelThread>.fromOpaque(pointer).takeUnretainedValue()
  }

  init(_ explorer: Explorer, index: Int) {
    self.explorer = explorer
    self.index = index
    let code = pthread_create(&handle, nil, { argument in
      pthread_setspecific(ModelThread.key, argument)
      Unmanaged<ModelThread>.fromOpaque(argument!).takeUnretainedValue().run()
      return nil
    }, Unmanaged.passUnretained(self).toOpaque())
    precondition(code == 0, "no thread for the explorer")
  }

  func prepare(_ body: @escaping () -> Void) {
    self.body = body
    (state, isWoken, ownCommits) = (.ready, false, 0)
    buffer.removeAll(keepingCapacity: true)
    clock = Explorer.Clock()
    clock[index] = 1
  }

  func forgetBody() { body = nil }

  func end() {
    turn.post()
    pthread_join(handle, nil)
  }

  private func run() {
    while true {
      turn.wait()
      guard runBody() else { return }
      explorer.finish()
    }
  }

  /// False when there is nothing to run: the end. The body outlives this call, since what it has captured is shared
  /// with other threads and must end when none of them runs.
  private func runBody() -> Bool {
    guard let body else { return false }
    body()
    return true
  }

  func commitOldest() {
    let store = buffer.removeFirst()
    commit(store)
  }

  func commit(_ store: HeldStore) {
    store.cell.value = store.value
    store.cell.released = store.released
    explorer.version += 1
    ownCommits += 1
  }

  func drainBuffer() {
    while !buffer.isEmpty { commitOldest() }
  }

  /// A plain access to memory that a word protects: a race unless all accesses that conflict with it are known.
  func touch(_ memory: UnsafeRawPointer, writes: Bool) {
    guard !explorer.isOver else { return }
    var shadow = explorer.shadows[UInt(bitPattern: memory)] ?? Shadow()
    let isWriteKnown = shadow.writer < 0 || clock[shadow.writer] >= shadow.writeTime
    let areReadsKnown = !writes || shadow.readTimes.isKnown(to: clock)
    if !isWriteKnown { explorer.fail("race: thread \(index) does not know of the write by thread \(shadow.writer)") }
    if !areReadsKnown { explorer.fail("race: thread \(index) overwrites what it does not know to have been read") }
    if writes {
      shadow = Shadow(writer: index, writeTime: clock[index])
    } else {
      shadow.readTimes[index] = clock[index]
    }
    explorer.shadows[UInt(bitPattern: memory)] = shadow
  }
}
