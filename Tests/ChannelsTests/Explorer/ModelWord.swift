// ModelWord.swift — a shared word whose every operation is a point of the explorer.
import Channels

/// What a word holds, and what its last writer released with it.
final class ModelCell {
  var value: UInt64
  var released = Explorer.Clock()
  init(_ value: UInt64) { self.value = value }
}

struct ModelWord: AtomicWord, ~Copyable {
  private let cell: ModelCell

  init(_ value: UInt64) { cell = ModelCell(value) }

  func loadRelaxed() -> UInt64 { load(acquires: false) }
  func loadAcquiring() -> UInt64 { load(acquires: true) }
  func storeRelaxed(_ value: UInt64) { store(value, releases: false) }
  func storeReleasing(_ value: UInt64) { store(value, releases: true) }

  func compareExchangeRelaxed(expected: UInt64, desired: UInt64) -> (exchanged: Bool, original: UInt64) {
    let original = modify(orders: false) { $0 == expected ? desired : nil }
    return (original == expected, original)
  }

  func exchangeRelaxed(_ value: UInt64) -> UInt64 { modify(orders: false) { _ in value } }
  func addRelaxed(_ amount: UInt64) { _ = modify(orders: false) { $0 + amount } }
  func subtract(_ amount: UInt64) -> UInt64 { modify(orders: true) { $0 - amount } - amount }

  static func fence() {
    guard let thread = ModelThread.current, thread.explorer.bounds.weakness != .noFence else { return }
    thread.explorer.point()
    // It empties the buffer and connects no clocks: nothing here relies on more.
    thread.drainBuffer()
  }

  static func willRead(_ memory: UnsafeRawPointer) { ModelThread.current?.touch(memory, writes: false) }
  static func willWrite(_ memory: UnsafeRawPointer) { ModelThread.current?.touch(memory, writes: true) }

  private func load(acquires: Bool) -> UInt64 {
    guard let thread = ModelThread.current else { return cell.value }
    thread.explorer.point()
    // A thread sees its own stores first.
    if let own = thread.buffer.last(where: { $0.cell === cell }) { return own.value }
    if acquires && thread.explorer.bounds.weakness != .acquiringIsRelaxed { thread.clock.join(cell.released) }
    return cell.value
  }

  private func store(_ value: UInt64, releases: Bool) {
    guard let thread = ModelThread.current else { return cell.value = value }
    thread.explorer.point()
    let isReleased = releases && thread.explorer.bounds.weakness != .releasingIsRelaxed
    let store = ModelThread.HeldStore(
      cell: cell, value: value, released: isReleased ? thread.clock : Explorer.Clock())
    thread.clock[thread.index] += 1
    // Stores leave a buffer in their order, so behind a held one the next is held too.
    if !thread.buffer.isEmpty || thread.explorer.holdsStore() { return thread.buffer.append(store) }
    thread.commit(store)
  }

  /// Reads, and writes what `change` returns unless that is nil. Returns what was read.
  private func modify(orders: Bool, _ change: (UInt64) -> UInt64?) -> UInt64 {
    guard let thread = ModelThread.current else {
      let original = cell.value
      cell.value = change(original) ?? original
      return original
    }
    thread.explorer.point()
    thread.drainBuffer()
    let original = cell.value
    if orders { thread.clock.join(cell.released) }
    guard let value = change(original) else { return original }
    // What the last store released stays released: a read-modify-write continues its sequence.
    var released = cell.released
    if orders { released.join(thread.clock) }
    thread.clock[thread.index] += 1
    thread.commit(ModelThread.HeldStore(cell: cell, value: value, released: released))
    return original
  }
}
