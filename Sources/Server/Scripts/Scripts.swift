// Scripts.swift — the server's side of scripts: the machine, the stack that they run on, and what the one under way does.
//
//   EVAL ─▶ aside: onto the large stack ─▶ the machine ─▶ redis.call ─▶ a command's body, as for a client
//                                                              ◀─ its answer, taken from `answers`
//
// There is one machine and at most one script at a time. It has a stack of its own because Lua's functions may call
// each other thousands of levels deep through C, and because it may have to be left in the middle.
import Bytes
import CLua
import Commands
import Ring
import Scripting
import Stacks
import Wire

struct Scripts: ~Copyable {
  /// Address space, not memory: pages come as they are touched. Calls nested through `string.gsub` take nine kilobytes a
  /// level; the machine refuses to go deeper when little is left.
  static let stackBytes = 32 << 20
  /// Without what is on it before Lua.
  static let stackBytesForLua = stackBytes - (128 << 10)
  /// What all scripts together may take: a quarter of memory, a gigabyte at most.
  static var memoryMax: Int { Int(clamping: min(1 << 30, max(64 << 20, Machine.memoryBytes / 4))) }

  var machine: ScriptMachine
  private(set) var stack: SideStack?
  /// What runs on the stack.
  var job: AsideJob?
  /// When it began, and when it was let on last, by the processor's counter.
  var beganTicks: UInt64 = 0
  var sliceBeganTicks: UInt64 = 0
  let sliceTicks = Clock.ticks(microseconds: 500)
  /// The server stops without it: whatever it does from now on is nothing.
  var isDiscarded = false
  /// The script under way.
  var run: ScriptRun?
  /// Takes what the commands of a script answer.
  let answers: UnsafeMutablePointer<OutputBuffer>
  /// An answer in one piece, if it did not come in one.
  private var joined: UnsafeMutableRawPointer?
  private var joinedCapacity = 0

  init(_ server: UnsafeMutablePointer<Server>, _ pool: UnsafeMutablePointer<ChunkPool>) {
    let identity = ScriptMachine.Identity(redis: Version.redis, name: "martlet", server: Version.martlet)
    machine = ScriptMachine(ScriptCallbacks.list(for: server), identity, memoryMax: Self.memoryMax)
    answers = .allocate(capacity: 1)
    answers.initialize(to: OutputBuffer(pool: pool))
  }

  deinit {
    answers.pointee.discardAll()
    answers.deallocate()
    joined?.deallocate()
  }

  /// The way onto the stack; nil if there is no memory for one.
  mutating func door() -> StackDoor? {
    if stack == nil { stack = SideStack(bytes: Self.stackBytes) }
    return stack?.door
  }

  /// What the last command has answered, as one piece. Good until the next.
  mutating func answer() -> ByteView {
    let count = answers.pointee.pending
    var first = ByteView.empty
    let (stretches, _) = answers.pointee.stretches(upTo: .max, capacity: 1) { _, start, count in
      first = ByteView(start: start, count: count)
    }
    guard stretches > 0 && first.count < count else { return first }
    if count > joinedCapacity {
      joined?.deallocate()
      joined = .allocate(byteCount: count, alignment: 16)
      joinedCapacity = count
    }
    guard let joined else { return .empty }
    var end = joined
    _ = answers.pointee.stretches(upTo: .max, capacity: .max) { _, start, count in
      end.copyMemory(from: start, byteCount: count)
      end += count
    }
    return ByteView(start: joined, count: count)
  }

  /// The script is over: unusually much memory goes back.
  mutating func forgetAnswers() {
    answers.pointee.discardAll()
    guard joinedCapacity > 1 << 20 else { return }
    joined?.deallocate()
    joined = nil
    joinedCapacity = 0
  }
}

/// A script that runs.
struct ScriptRun {
  /// It may not write.
  var isReadOnly = false
  /// It has called a command that writes: it cannot be killed any more.
  var hasWritten = false
  /// Somebody wants it to end.
  var isKilled = false
  /// `redis.set_repl` without the log: what it writes is not recorded.
  var isUnrecorded = false
  /// What its answer waits for.
  var waited: (sequence: UInt64, wrote: Bool) = (0, false)
}
