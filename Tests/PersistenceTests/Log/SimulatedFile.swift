// SimulatedFile.swift — a file whose bytes are in the page cache before they are on disk.
//
//   cache    ████████████░░░░     what reads see
//   durable  ████████             what a power cut leaves
//   dirty            └──┘         what a sync brings over, or an error forgets
//
// As in Linux, a write-back that fails leaves its pages clean: the next sync succeeds and proves nothing.
import Glibc

/// Compares in one call: a full batch has eight million bytes.
func areSame(_ left: UnsafeRawBufferPointer, _ right: UnsafeRawBufferPointer) -> Bool {
  guard left.count == right.count, let first = left.baseAddress, let second = right.baseAddress else {
    return left.count == right.count
  }
  return unsafe memcmp(first, second, left.count) == 0
}

struct SimulatedFile {
  private(set) var cache: [UInt8]
  private(set) var durable: [UInt8]
  private var dirty: [Range<Int>] = []

  /// A file that holds `count` bytes already.
  init(count: Int) {
    cache = [UInt8](repeating: 0, count: count)
    durable = cache
  }

  mutating func write(_ bytes: UnsafeRawBufferPointer, at offset: Int) {
    guard !bytes.isEmpty else { return }
    if cache.count < offset + bytes.count {
      cache.append(contentsOf: repeatElement(0, count: offset + bytes.count - cache.count))
    }
    unsafe cache.withUnsafeMutableBytes { unsafe UnsafeMutableRawBufferPointer(rebasing: $0[offset...]).copyMemory(from: bytes) }
    dirty.append(offset..<(offset + bytes.count))
  }

  /// Brings a stretch to disk, because somebody asked or because the kernel felt like it.
  private mutating func bringOver(_ range: Range<Int>) {
    if durable.count < range.upperBound {
      durable.append(contentsOf: repeatElement(0, count: range.upperBound - durable.count))
    }
    unsafe cache.withUnsafeBytes { source in
      unsafe durable.withUnsafeMutableBytes { target in
        unsafe UnsafeMutableRawBufferPointer(rebasing: target[range]).copyMemory(
          from: UnsafeRawBufferPointer(rebasing: source[range]))
      }
    }
  }

  mutating func sync() {
    for range in dirty { bringOver(range) }
    dirty.removeAll(keepingCapacity: true)
  }

  /// A write-back that fails: the first `count` stretches reach the disk, the others never will.
  mutating func failToSync(keeping count: Int) {
    for range in dirty.prefix(count) { bringOver(range) }
    dirty.removeAll(keepingCapacity: true)
  }

  /// The kernel writes the oldest stretch back by itself.
  mutating func writeBack() {
    guard !dirty.isEmpty else { return }
    bringOver(dirty.removeFirst())
  }

  func isDurable(_ bytes: [UInt8], at offset: Int) -> Bool {
    guard durable.count >= offset + bytes.count else { return false }
    return unsafe durable.withUnsafeBytes { durable in
      unsafe bytes.withUnsafeBytes { unsafe areSame(UnsafeRawBufferPointer(rebasing: durable[offset..<(offset + bytes.count)]), $0) }
    }
  }
}
