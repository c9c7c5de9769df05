// Walks.swift — the long commands that are under way, and stacks for those to come.
//
//   spare ─▶ begins ─▶ ends within its first slice ─▶ spare                 nearly always
//                 └─▶ paused ─▶ a slice ─▶ paused ─▶ … ─▶ ends ─▶ spare      in turn, one slice per turn of the loop
import Commands
import Ring

struct Walks: ~Copyable {
  /// How long a command runs before others may.
  static let sliceNanoseconds: UInt64 = 250_000
  /// The first slice while others are paused: many that come at once must not add up.
  static let crowdedSliceNanoseconds: UInt64 = 50_000
  /// Steps between two looks at the clock.
  static let stepsPerLook = 64
  /// So many may be paused; others wait before they begin.
  static let pausedMax = 256
  private static let sparesMax = 16
  /// Requests with no more words, or after no more elements, are short.
  static let stepsAtOnceMax = 256

  let sliceTicks = Clock.ticks(microseconds: Walks.sliceNanoseconds / 1_000)
  let crowdedSliceTicks = Clock.ticks(microseconds: Walks.crowdedSliceNanoseconds / 1_000)
  private var spares: [UnsafeMutablePointer<Walk>] = []
  /// Those that have begun and not ended, in the order of their turns.
  private(set) var paused: [UnsafeMutablePointer<Walk>] = []
  /// DEBUG SET-SLICE: a slice is so many steps, whatever the clock says; 0: it is time.
  var stepsPerSlice = 0
  /// DEBUG SET-SLICE -1: every command runs through, as if it were short.
  var isOff = false
  /// DEBUG PAUSE-LONG: what has paused stays where it is.
  var isHalted = false

  // MARK: their share

  /// When the last slice ended, and how long it took, on the monotonic clock.
  var lastSliceEndedAt: UInt64 = 0
  var lastSliceNanoseconds: UInt64 = 0
  /// Paused ones that nobody waits for any more, and those that somebody waits for.
  var abandonedCount = 0
  var urgentCount = 0

  // MARK: figures

  /// Commands that have paused, and slices in which paused ones went on.
  var begun: UInt64 = 0
  var slices: UInt64 = 0
  var longestSliceTicks: UInt64 = 0
  /// Processor time of the longest command that paused.
  var longestTicks: UInt64 = 0

  init() {}

  deinit {
    for walk in spares {
      walk.deinitialize(count: 1)
      walk.deallocate()
    }
  }

  /// Steps until a command asks whether it may go on.
  var budget: Int { stepsPerSlice > 0 ? stepsPerSlice : Walks.stepsPerLook }
  var count: Int { paused.count }
  var isFull: Bool { paused.count >= Self.pausedMax }

  /// CONFIG RESETSTAT.
  mutating func resetFigures() {
    begun = 0
    slices = 0
    longestSliceTicks = 0
    longestTicks = 0
  }

  @inline(__always) mutating func takeSpare() -> UnsafeMutablePointer<Walk>? { spares.popLast() }

  mutating func giveBack(_ walk: UnsafeMutablePointer<Walk>) {
    walk.pointee.forget()
    guard spares.count < Self.sparesMax else {
      walk.deinitialize(count: 1)
      walk.deallocate()
      return
    }
    spares.append(walk)
  }

  /// It has paused for the first time, and its next turn comes behind all others'.
  mutating func add(_ walk: UnsafeMutablePointer<Walk>) {
    paused.append(walk)
    begun += 1
  }

  /// Its turn is over, and the next one comes behind all others'.
  mutating func rotate(_ walk: UnsafeMutablePointer<Walk>) {
    guard paused.count > 1, let index = paused.firstIndex(of: walk) else { return }
    paused.remove(at: index)
    paused.append(walk)
  }

  /// It has ended.
  mutating func remove(_ walk: UnsafeMutablePointer<Walk>) {
    if let index = paused.firstIndex(of: walk) { paused.remove(at: index) }
    if walk.pointee.isAbandoned { abandonedCount -= 1 }
    if walk.pointee.isUrgent { urgentCount -= 1 }
  }

  /// Values that paused commands read.
  var pinCount: Int {
    paused.reduce(0) { sum, walk in
      sum + (walk.pointee.request?.pins.count { $0.value?.holdsMemory == true } ?? 0)
    }
  }
}
