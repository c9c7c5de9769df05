// Execution+Pauses.swift — commands that take long: they let others run in between, and see one instant all the same.
//
//   while let member = members.next() {
//     guard execution.mayGoOn() else { return }        a subtraction; once in a while a look at the clock, and then,
//     reply.bulk(member)                               perhaps, others run before it returns
//   }
//
// Whatever may change while others run must not be held across `mayGoOn`: a body holds values that it has pinned, never
// a location, an entry or bytes that lie in one; a long time may have passed, its keys may be gone or others. It answers false when
// nobody wants the answer any more: the body returns at once. A command that has changed something does not pause any
// more, and one that is run as a part of others (`isAtomic`), replayed or tested by itself never does.
//
// The body runs on a stack of its own (Stacks/SideStack), so pausing is leaving that stack in the middle; what the
// executor does meanwhile is its own matter (Server/Walks).
import Bytes
import Stacks
import Store
import Wire

/// What the command that runs now has to do with pausing.
public struct Pauses {
  /// Steps left until somebody looks at the clock.
  public var budget = Int.max
  /// The way off the stack that the command runs on; nil: it does not pause.
  public var door: StackDoor?
  /// `Effects.changes` when it began or went on.
  public var changes: UInt64 = 0
  /// Nobody wants the answer any more.
  public var isAbandoned = false
  /// Others have run since it began.
  public var hasPaused = false
  /// What it reads.
  public var pins: [Pin] = []
  /// The key whose value it is changing, piece by piece.
  public internal(set) var lock: Effects.KeyPlace?

  public init() {}
}

/// A key whose value the command reads, as it was when it began.
public struct Pin: BitwiseCopyable {
  /// Nil if there was none.
  public let value: PinnedValue?
  /// The word of the request that is the key.
  let word: Int
}

extension Execution {
  /// Asked by commands of unbounded cost in their loops, after `count` steps of some fifty nanoseconds. False: the body
  /// returns at once, whatever it has answered so far.
  @inlinable @inline(__always) public mutating func mayGoOn(after count: Int = 1) -> Bool {
    pauses.budget &-= count
    return pauses.budget > 0 || askToGoOn()
  }

  @usableFromInline @inline(never) mutating func askToGoOn() -> Bool {
    guard let door = pauses.door, effects.changes == pauses.changes else {
      pauses.budget = .max
      return true
    }
    door.leave()
    return !pauses.isAbandoned
  }

  // MARK: pins

  /// The value at `location`, the key being word `word`, stays as it is until the command ends. Say so of all keys
  /// before the first `mayGoOn`, of those that are not there, too.
  public mutating func pin(_ location: Location?, word: Int) {
    guard pauses.door != nil else { return }
    guard let location else { return pauses.pins.append(Pin(value: nil, word: word)) }
    guard let value = PinnedValue(ifCountable: location.entry) else {
      // It has more readers than can be counted: this one is not interrupted.
      pauses.door = nil
      return
    }
    pauses.pins.append(Pin(value: value, word: word))
  }

  /// The command has ended: what it read may change again.
  public mutating func releasePins() {
    let graveyard = graveyard
    for pin in pauses.pins { pin.value?.release(into: &graveyard.pointee) }
    pauses.pins.removeAll(keepingCapacity: true)
  }

  /// Whether everything that the command has read is still there as it was: then it can be recorded as it was sent,
  /// although others have run since it began.
  mutating func readsThePresent() -> Bool {
    guard pauses.hasPaused else { return true }
    for pin in pauses.pins {
      let key = arguments[pin.word]
      let location = database.pointee.find(key, KeyHash(key))
      switch (pin.value, location) {
      case (nil, nil): continue
      case (let value?, let location?): guard value.isStill(at: location.entry) else { return false }
      default: return false
      }
    }
    return true
  }

  /// Frees a value that was made aside under `key`: a large one in steps.
  mutating func discard(_ scratch: inout Keyspace, _ key: ByteView) {
    guard let location = scratch.find(key, KeyHash(key)) else { return }
    let graveyard = graveyard
    scratch.remove(location, into: &graveyard.pointee)
  }

  // MARK: for the executor

  /// What belongs to a request that has paused.
  public struct PausedRequest {
    public let words: Arguments
    let largeWords: UnsafeMutablePointer<LargeWords>?
    let hintedKey: ByteView
    let hintedHash: KeyHash
    var reply: Reply
    let session: UnsafeMutablePointer<Session>
    let commandIndex: Int
    let nowMicroseconds: Int64
    let hasMetEndedField: Bool
    let isRetry: Bool
    let looked: Effects.Looked
    public let pins: [Pin]
    public let lock: Effects.KeyPlace?
    /// What it has noted so far is told when it has ended.
    let events: [KeyspaceEvents.Event]

    /// Nobody is there any more who would read the answer: it goes elsewhere.
    public mutating func answer(to output: UnsafeMutablePointer<OutputBuffer>) { reply.output = output }
  }

  /// The request that has just paused, which is none of this record's any more. What it has recorded was taken before.
  public mutating func putAside() -> PausedRequest {
    let request = PausedRequest(
      words: arguments, largeWords: largeWords, hintedKey: hintedKey, hintedHash: hintedHash, reply: reply,
      session: session, commandIndex: commandIndex, nowMicroseconds: nowMicroseconds,
      hasMetEndedField: hasMetEndedField, isRetry: isRetry, looked: effects.putAside(), pins: pauses.pins, lock: pauses.lock,
      events: events.hasPending ? events.takeAll() : [])
    pauses = Pauses()
    arguments = .none
    largeWords = nil
    hint(.empty, KeyHash(bits: 0))
    isRetry = false
    waiting = nil
    return request
  }

  /// The request goes on, on the stack behind `door`.
  public mutating func takeUp(_ request: PausedRequest, _ door: StackDoor, isAbandoned: Bool) {
    arguments = request.words
    largeWords = request.largeWords
    hint(request.hintedKey, request.hintedHash)
    reply = request.reply
    session = request.session
    commandIndex = request.commandIndex
    nowMicroseconds = request.nowMicroseconds
    hasMetEndedField = request.hasMetEndedField
    isRetry = request.isRetry
    effects.takeUp(request.looked, keepsRecords: request.lock != nil)
    pauses.door = door
    pauses.changes = effects.changes
    pauses.isAbandoned = isAbandoned
    pauses.hasPaused = true
    pauses.pins = request.pins
    pauses.lock = request.lock
    if !request.events.isEmpty { events.giveBack(request.events) }
  }
}
