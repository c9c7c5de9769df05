// Support.swift: what the tests of the store share.
import Bytes
import CAllocator
import CHash
@testable import Store

/// The hash needs a secret before the first key; a fixed one makes every run the same.
let seeded: Void = unsafe [UInt8](repeating: 7, count: 32).withUnsafeBytes {
  unsafe martlet_hash_seed($0.baseAddress, $0.count)
}

/// SplitMix64: one number replays a test.
struct Dice: RandomNumberGenerator {
  var state: UInt64
  init(seed: UInt64) {
    state = seed &* 0x9E37_79B9_7F4A_7C15 &+ 1
    seeded
  }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }

  mutating func below(_ bound: Int) -> Int { Int(next() % UInt64(bound)) }
  mutating func bytes(_ count: Int) -> [UInt8] { (0..<count).map { _ in UInt8(truncatingIfNeeded: next()) } }
}

extension ByteView {
  var array: [UInt8] { unsafe [UInt8](buffer) }
}

extension Array<UInt8> {
  /// Calls `body` with a view of the bytes.
  func viewed<R>(_ body: (ByteView) throws -> R) rethrows -> R {
    try withUnsafeBytes { try body(unsafe ByteView($0)) }
  }
}

/// The bytes of any string.
func stringBytes(_ entry: Entry) -> [UInt8] {
  var scratch = [UInt8](repeating: 0, count: Decimal.digitsMax)
  return scratch.withUnsafeMutableBufferPointer { unsafe entry.bytes(scratch: $0.baseAddress!).array }
}

/// Bytes that the body allocated and did not free, on this thread. The first run is for what the runtime
/// allocates once.
func bytesLeaked(_ body: () throws -> Void) rethrows -> Int {
  try body()
  var allocated: UInt64 = 0
  var freed: UInt64 = 0
  unsafe martlet_thread_traffic(&allocated, &freed)
  let before = Int(allocated) - Int(freed)
  try body()
  unsafe martlet_thread_traffic(&allocated, &freed)
  return Int(allocated) - Int(freed) - before
}
