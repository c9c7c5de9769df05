// WatchedWord.swift — the processor's word, and plain accesses that ThreadSanitizer can see.
//
// Without optimization an element is copied by the runtime, which no sanitizer watches: a race on a cell would go
// unseen. So wherever the rings say that they are about to read or write a cell, its first byte is touched here.
import Channels

struct WatchedWord: AtomicWord, ~Copyable {
  private let word: HardwareWord

  init(_ value: UInt64) { word = HardwareWord(value) }

  func loadRelaxed() -> UInt64 { word.loadRelaxed() }
  func loadAcquiring() -> UInt64 { word.loadAcquiring() }
  func storeRelaxed(_ value: UInt64) { word.storeRelaxed(value) }
  func storeReleasing(_ value: UInt64) { word.storeReleasing(value) }
  func compareExchangeRelaxed(expected: UInt64, desired: UInt64) -> (exchanged: Bool, original: UInt64) {
    word.compareExchangeRelaxed(expected: expected, desired: desired)
  }
  func exchangeRelaxed(_ value: UInt64) -> UInt64 { word.exchangeRelaxed(value) }
  func addRelaxed(_ amount: UInt64) { word.addRelaxed(amount) }
  func subtract(_ amount: UInt64) -> UInt64 { word.subtract(amount) }
  static func fence() { HardwareWord.fence() }

  static func willRead(_ memory: UnsafeRawPointer) {
    precondition(memory.assumingMemoryBound(to: UInt8.self).pointee <= 255)
  }

  static func willWrite(_ memory: UnsafeRawPointer) {
    UnsafeMutableRawPointer(mutating: memory).assumingMemoryBound(to: UInt8.self).pointee = 0
  }
}
