// LargeWordsTests.swift — words in memory of their own are stored where they are.
import Bytes
import Testing

@testable import Commands
@testable import Store

/// SET takes the blob over without moving it, while whoever looks at the words afterwards still may; the
/// blob then lives as long as the key.
@Test func setAdoptsALargeWord() {
  let bench = Workbench()
  let bytes = [UInt8](repeating: 7, count: 100_000)
  let words = UnsafeMutablePointer<LargeWords>.allocate(capacity: 1)
  words.initialize(to: LargeWords())
  let blob = BlobReference.filled(with: bytes)
  words.pointee.add(blob)
  let arguments: [ByteView] = [ByteView("SET"), ByteView("k"), blob.bytes]
  arguments.withUnsafeBufferPointer {
    bench.execution.pointee.arguments = .init(first: $0.baseAddress, count: 3)
    bench.execution.pointee.largeWords = words
    Strings.set(&bench.execution.pointee)
    #expect(bench.execution.pointee.arguments[2].buffer.elementsEqual(bytes))
  }
  bench.execution.pointee.largeWords = nil
  let location = bench.databases[0].find(ByteView("k"), KeyHash(ByteView("k")))
  #expect(location?.entry.bytes.start == blob.bytes.start)
  #expect(location?.entry.blob?.isPinned == true)
  words.deinitialize(count: 1)
  words.deallocate()
  #expect(location?.entry.blob?.isPinned == false)
  #expect(location?.entry.bytes.buffer.elementsEqual(bytes) == true)
}

extension BlobReference {
  fileprivate static func filled(with bytes: [UInt8]) -> BlobReference {
    bytes.withUnsafeBytes { Blob(copying: ByteView($0)).relinquish() }
  }
}
