// Walk.swift — a long command with the stack that it runs on, used again for the next.
//
//   side stack   ┌ guard ┬──────────── ◀─ frames of the body ┬ its words ┐
//                                                            └ room ─────┘
//
// The words of a request lie in a buffer that its reactor wants back, and a body may hold views of them across a pause:
// so they are copied into the room before the body begins, unless they are too long for it. Nearly always the body
// ends within its first slice; then nothing else of this record is touched.
import Bytes
import Commands
import Stacks
import Wire

struct Walk: ~Copyable {
  let stack: SideStack
  let execution: UnsafeMutablePointer<Execution>
  /// Takes what is answered to a client that asked for silence, or has gone.
  let silence: UnsafeMutablePointer<OutputBuffer>
  /// Records of a command that has locked a value, between its slices.
  let records: UnsafeMutablePointer<OutputBuffer>

  // MARK: the command

  var command: UnsafePointer<Command>?
  var client: UnsafeMutablePointer<Client>?
  /// Words that the room had no place for.
  var words: UnsafeMutablePointer<KeptWords>?
  /// Long words, which are not copied.
  var largeWords: UnsafeMutablePointer<LargeWords>?
  var before: BeforeCommand?
  var database: Int32 = 0

  // MARK: once it has paused

  var request: Execution.PausedRequest?
  /// Nobody wants its answer any more.
  var isAbandoned = false
  /// Its client has gone, and it goes on: it is changing a value.
  var isOrphaned = false
  /// Somebody waits for a value that it reads or changes.
  var isUrgent = false
  /// Processor time of its slices.
  var usedTicks: UInt64 = 0

  init(_ stack: consuming SideStack, _ execution: UnsafeMutablePointer<Execution>, _ pool: UnsafeMutablePointer<ChunkPool>) {
    self.stack = stack
    self.execution = execution
    silence = .allocate(capacity: 1)
    silence.initialize(to: OutputBuffer(pool: pool))
    records = .allocate(capacity: 1)
    records.initialize(to: OutputBuffer(pool: pool))
  }

  deinit {
    silence.pointee.discardAll()
    silence.deallocate()
    records.pointee.discardAll()
    records.deallocate()
  }

  /// Nil if there is no memory for its stack.
  static func make(
    _ execution: UnsafeMutablePointer<Execution>, _ pool: UnsafeMutablePointer<ChunkPool>
  ) -> UnsafeMutablePointer<Walk>? {
    guard let stack = SideStack() else { return nil }
    let walk = UnsafeMutablePointer<Walk>.allocate(capacity: 1)
    walk.initialize(to: Walk(stack, execution, pool))
    return walk
  }

  // MARK: words

  /// The same words in memory that lasts as long as the command; long ones stay where they are.
  mutating func keep(_ arguments: Arguments, _ large: UnsafeMutablePointer<LargeWords>?) -> Arguments {
    var bytes = MemoryLayout<ByteView>.stride * arguments.count
    for index in 0..<arguments.count where large?.pointee.holds(arguments[index]) != true {
      bytes &+= arguments[index].count
      guard bytes <= SideStack.roomBytes else { return keepElsewhere(arguments, large) }
    }
    guard bytes <= SideStack.roomBytes else { return keepElsewhere(arguments, large) }
    let views = stack.room.assumingMemoryBound(to: ByteView.self)
    var end = stack.room + MemoryLayout<ByteView>.stride * arguments.count
    for index in 0..<arguments.count {
      let word = arguments[index]
      guard large?.pointee.holds(word) != true else {
        (views + index).initialize(to: word)
        continue
      }
      word.copy(to: end)
      (views + index).initialize(to: ByteView(start: end, count: word.count))
      end += word.count
    }
    return Arguments(first: views, count: arguments.count)
  }

  @inline(never)
  private mutating func keepElsewhere(_ arguments: Arguments, _ large: UnsafeMutablePointer<LargeWords>?) -> Arguments {
    let kept = UnsafeMutablePointer<KeptWords>.allocate(capacity: 1)
    kept.initialize(to: KeptWords(arguments, large: large))
    words = kept
    return kept.pointee.arguments
  }

  /// The command has ended, and nobody looks at its words any more.
  mutating func forget() {
    command = nil
    client = nil
    before = nil
    if let kept = words {
      kept.deinitialize(count: 1)
      kept.deallocate()
      words = nil
    }
    if let list = largeWords {
      list.deinitialize(count: 1)
      list.deallocate()
      largeWords = nil
    }
    guard request != nil else { return }
    request = nil
    isAbandoned = false
    isOrphaned = false
    isUrgent = false
    usedTicks = 0
  }

  /// The key whose value it is changing.
  var lock: Effects.KeyPlace? { request?.lock }

  /// Its client has gone, but half a change is none: the answer goes nowhere.
  mutating func orphan() {
    guard !isOrphaned else { return }
    isOrphaned = true
    request?.answer(to: silence)
    before = BeforeCommand(
      output: silence, mark: silence.pointee.mark, errorCount: silence.pointee.errorCount, isSilent: true)
  }
}

extension UnsafeMutablePointer where Pointee == Walk {
  /// Runs the command on the side stack until it pauses or ends; whether it has ended.
  @inline(__always) func begin() -> Bool {
    pointee.stack.door.begin(UnsafeMutableRawPointer(self)) { argument in
      guard let walk = argument?.assumingMemoryBound(to: Walk.self), let command = walk.pointee.command else { return }
      command.pointee.body(&walk.pointee.execution.pointee)
    }
  }
}
