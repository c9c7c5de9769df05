// FuzzSupport.swift — what the targets over stored values share.
import Bytes
import CHash
import Persistence
import Store

/// Says what is wrong, which an optimised `precondition` does not, and ends.
func demand(_ isSo: Bool, _ text: @autoclosure () -> String) {
  guard !isSo else { return }
  let text = text()
  print(text)
  fatalError(text)
}

func copied<R, E: Error>(_ bytes: ArraySlice<UInt8>, _ body: (ByteView) throws(E) -> R) throws(E) -> R {
  // A copy of exactly this size: one byte too far is a report of AddressSanitizer.
  let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: bytes.count, alignment: 1)
  defer { memory.deallocate() }
  memory.copyBytes(from: bytes)
  return try body(ByteView(start: UnsafeRawPointer(memory.baseAddress!), count: bytes.count))
}

/// Databases that live for one input.
final class Databases {
  let keyspaces: UnsafeMutablePointer<Keyspace>
  let pool = UnsafeMutablePointer<ChunkPool>.allocate(capacity: 1)
  private let count: Int

  init(count: Int = 16) {
    self.count = count
    keyspaces = .allocate(capacity: count)
    for index in 0..<count { (keyspaces + index).initialize(to: Keyspace()) }
    pool.initialize(to: ChunkPool())
  }
  deinit {
    keyspaces.deinitialize(count: count)
    keyspaces.deallocate()
    pool.deinitialize(count: 1)
    pool.deallocate()
  }
}

/// Keys hash alike in every run: an input that fails, fails again.
let secret: Void = [UInt8](repeating: 7, count: 32).withUnsafeBytes { martlet_hash_seed($0.baseAddress, $0.count) }
