// Mutants.swift — rings with one thing wrong each, to see that the explorer finds it.
//
// Written out as small as possible, in the same words as the real ones. Without a flaw they pass, so what is found is
// the flaw.
import Channels

enum Flaw {
  case none
  /// The tail, or the sequence, is stored before the element is written.
  case publishesBeforeWriting
  /// The head, or the sequence, is stored before the element is read.
  case givesBackBeforeReading
  /// The ring counts as full one element too late.
  case fullOneTooLate
  /// A cell is handed to the next round with a sequence one too small or one too large.
  case sequenceOneTooSmall, sequenceOneTooLarge
  /// A position is claimed by a load and a store.
  case claimsWithoutExchange
}

/// A single-producer, single-consumer ring with a flaw.
final class FlawedSPSC {
  private let flaw: Flaw
  private let capacity: UInt64
  private let head = Box(ModelWord(0)), tail = Box(ModelWord(0))
  private let cells: UnsafeMutablePointer<UInt64>

  init(_ flaw: Flaw, capacity: Int) {
    self.flaw = flaw
    self.capacity = UInt64(capacity)
    cells = .allocate(capacity: capacity)
  }
  deinit { cells.deallocate() }

  func push(_ element: UInt64) -> Bool {
    let next = tail.value.loadRelaxed()
    let used = next - head.value.loadAcquiring()
    guard used < capacity || flaw == .fullOneTooLate && used == capacity else { return false }
    if flaw == .publishesBeforeWriting { tail.value.storeReleasing(next + 1) }
    ModelWord.willWrite(cells + Int(next % capacity))
    cells[Int(next % capacity)] = element
    if flaw != .publishesBeforeWriting { tail.value.storeReleasing(next + 1) }
    return true
  }

  func pop() -> UInt64? {
    let next = head.value.loadRelaxed()
    guard tail.value.loadAcquiring() != next else { return nil }
    if flaw == .givesBackBeforeReading { head.value.storeReleasing(next + 1) }
    ModelWord.willRead(cells + Int(next % capacity))
    let element = cells[Int(next % capacity)]
    if flaw != .givesBackBeforeReading { head.value.storeReleasing(next + 1) }
    return element
  }
}

/// A single-producer, many-consumers ring with a flaw.
final class FlawedSPMC {
  private let flaw: Flaw
  private let capacity: UInt64
  private var next: UInt64 = 0
  private let head = Box(ModelWord(0))
  private let sequences: [Box<ModelWord>]
  private let cells: UnsafeMutablePointer<UInt64>

  init(_ flaw: Flaw, capacity: Int) {
    self.flaw = flaw
    self.capacity = UInt64(capacity)
    sequences = (0..<UInt64(capacity)).map { Box(ModelWord($0)) }
    cells = .allocate(capacity: capacity)
  }
  deinit { cells.deallocate() }

  func push(_ element: UInt64) -> Bool {
    let index = Int(next % capacity)
    guard sequences[index].value.loadAcquiring() == next else { return false }
    next += 1
    if flaw == .publishesBeforeWriting { sequences[index].value.storeReleasing(next) }
    ModelWord.willWrite(cells + index)
    cells[index] = element
    if flaw != .publishesBeforeWriting { sequences[index].value.storeReleasing(next) }
    return true
  }

  func pop() -> UInt64? {
    var position = head.value.loadRelaxed()
    // A flawed ring may never come to an end; this many attempts no schedule of a sound one needs.
    for _ in 0..<20 {
      let index = Int(position % capacity)
      let found = sequences[index].value.loadAcquiring()
      if found <= position { return nil }
      guard found == position + 1, claim(&position) else {
        position = head.value.loadRelaxed()
        continue
      }
      var free = position + capacity
      if flaw == .sequenceOneTooSmall { free -= 1 }
      if flaw == .sequenceOneTooLarge { free += 1 }
      if flaw == .givesBackBeforeReading { sequences[index].value.storeReleasing(free) }
      ModelWord.willRead(cells + index)
      let element = cells[index]
      if flaw != .givesBackBeforeReading { sequences[index].value.storeReleasing(free) }
      return element
    }
    return nil
  }

  private func claim(_ position: inout UInt64) -> Bool {
    guard flaw == .claimsWithoutExchange else {
      return head.value.compareExchangeRelaxed(expected: position, desired: position + 1).exchanged
    }
    guard head.value.loadRelaxed() == position else { return false }
    head.value.storeRelaxed(position + 1)
    return true
  }
}
