// LargeWords.swift — words of a request that came in memory of their own.
//
// The kernel wrote them where they may stay: a command that stores such a word takes its blob
// over instead of copying it. Until the request is done the blob has one more owner here, so that
// the log, the slow log and whoever else looks at the words afterwards still finds them.
import Bytes
import Store

public struct LargeWords: ~Copyable {
  private var blobs: [BlobReference] = []

  public init() {}

  deinit { for blob in blobs { blob.release() } }

  /// Bytes in all of them.
  public var byteCount: Int { blobs.reduce(0) { $0 + $1.bytes.count } }

  public mutating func add(_ blob: BlobReference) { blobs.append(blob) }

  /// Whether the word lies in one of them.
  public func holds(_ word: ByteView) -> Bool { blobs.contains { $0.bytes.start == word.start } }

  /// The blob whose bytes are `word`, which then belongs to the caller too; nil if the word is not one of these.
  public mutating func take(_ word: ByteView) -> Blob? {
    for blob in blobs where blob.bytes.start == word.start {
      blob.pin()
      return Blob(adopting: blob)
    }
    return nil
  }
}
