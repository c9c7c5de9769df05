// HoldTable.swift — which bytes of which client wait for which batch.
//
//   output   ░░░░░░░░░│▓▓▓▓▓▓▓▓▓▓▓│▒▒▒▒▒▒▒▒
//            may leave│waits for 7│waits for 8         two holds; sendLimit is where the first begins
//
// A hold begins at a stream position and reaches to the next one. Positions and batches both grow
// along a connection, so a new hold on an old batch is covered by the last one. Two holds
// are the usual number at most: the batch in flight and the batch that fills.
import Bytes
import Ring

/// A boundary in a connection's output.
struct Hold: BitwiseCopyable {
  /// Stream position of the first byte that waits.
  var position: UInt64
  /// The batch it waits for.
  var sequence: UInt64
  /// Answers that it covers.
  var replies: UInt32
  /// When the first of them came, in microseconds of the monotonic clock, wrapping.
  var beganAtMicroseconds: UInt32
}

/// The holds of one connection, in order.
struct HoldState: BitwiseCopyable {
  let client: UInt32
  var previous: UInt32 = HoldTable.none
  var next: UInt32 = HoldTable.none
  var count = 0
  var inline: (Hold, Hold)
  /// From the third on; allocated only then.
  var more: UnsafeMutablePointer<[Hold]>?

  init(client: UInt32, _ first: Hold) {
    self.client = client
    inline = (first, first)
    count = 1
  }

  var first: Hold { inline.0 }

  var last: Hold {
    get {
      switch count {
      case 1: inline.0
      case 2: inline.1
      default: more?.pointee.last ?? inline.1
      }
    }
    set {
      switch count {
      case 1: inline.0 = newValue
      case 2: inline.1 = newValue
      default: if let more { more.pointee[more.pointee.count - 1] = newValue }
      }
    }
  }

  mutating func append(_ hold: Hold) {
    switch count {
    case 0: inline.0 = hold
    case 1: inline.1 = hold
    default:
      if more == nil {
        more = .allocate(capacity: 1)
        more?.initialize(to: [])
      }
      more?.pointee.append(hold)
    }
    count += 1
  }

  mutating func removeFirst() {
    inline.0 = inline.1
    count -= 1
    guard count >= 2, let more else { return }
    inline.1 = more.pointee.removeFirst()
  }

  mutating func release() {
    more?.deinitialize(count: 1)
    more?.deallocate()
    more = nil
  }
}

/// All connections that wait, linked in the order in which they began to.
struct HoldTable: ~Copyable {
  static let none: UInt32 = .max

  var states = Slab<HoldState>()
  private(set) var head = none
  private var tail = none
  /// Answers that wait, of all connections.
  private(set) var replies = 0
  /// Connections that wait.
  var count: Int { states.count }

  /// Adds a hold to a connection; the connection's send limit if it is its first one.
  mutating func add(_ hold: Hold, client: UInt32, state slot: inout UInt32) -> UInt64? {
    replies += 1
    guard slot == Self.none else {
      let state = states[slot]
      if state.pointee.last.sequence >= hold.sequence {
        state.pointee.last.replies += 1
      } else {
        state.pointee.append(hold)
      }
      return nil
    }
    slot = states.insert(HoldState(client: client, hold)).slot
    let state = states[slot]
    state.pointee.previous = tail
    if tail == Self.none { head = slot } else { states[tail].pointee.next = slot }
    tail = slot
    return hold.position
  }

  /// Takes off the holds of one connection that batch `sequence` ends; its new send limit, `.max` if none is left.
  mutating func pass(_ sequence: UInt64, state slot: inout UInt32, _ ended: (Hold) -> Void) -> UInt64 {
    let state = states[slot]
    while state.pointee.count > 0, state.pointee.first.sequence <= sequence {
      replies -= Int(state.pointee.first.replies)
      ended(state.pointee.first)
      state.pointee.removeFirst()
    }
    guard state.pointee.count == 0 else { return state.pointee.first.position }
    remove(&slot)
    return .max
  }

  /// Forgets a connection.
  mutating func remove(_ slot: inout UInt32) {
    guard slot != Self.none else { return }
    let state = states[slot]
    while state.pointee.count > 0 {
      replies -= Int(state.pointee.first.replies)
      state.pointee.removeFirst()
    }
    state.pointee.release()
    let (previous, next) = (state.pointee.previous, state.pointee.next)
    if previous == Self.none { head = next } else { states[previous].pointee.next = next }
    if next == Self.none { tail = previous } else { states[next].pointee.previous = previous }
    states.remove(slot)
    slot = Self.none
  }
}
