// LargeWords.swift — words of a request that came in memory of their own.
//
// The kernel wrote them where they may stay: a command that stores such a word takes its blob
// over instead of copying it. What no command has taken is released after the request.
import Bytes
import Store

public struct LargeWords: ~Copyable {
  private var blobs: [BlobReference] = []

  public init() {}

  deinit { for blob in blobs { blob.release() } }

  public mutating func add(_ blob: BlobReference) { blobs.append(blob) }

  /// The blob whose bytes are `word`, which then belongs to the caller; nil if the word is not one of these.
  public mutating func take(_ word: ByteView) -> Blob? {
    for i in blobs.indices where blobs[i].bytes.start == word.start {
      return Blob(adopting: blobs.remove(at: i))
    }
    return nil
  }
}
