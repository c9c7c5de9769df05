// Words.swift — the words of a request, for tests that have no connection.
import Bytes
import Wire

/// Lends the words of a line, split at blanks.
func withWords<Result>(_ line: String, _ body: (Arguments) -> Result) -> Result {
  withWords(line.split(separator: " ").map(String.init), body)
}

func withWords<Result>(_ words: [String], _ body: (Arguments) -> Result) -> Result {
  let owner = Words(words)
  return withExtendedLifetime(owner) { body(owner.arguments) }
}

/// Owns the bytes that `arguments` points to.
private final class Words {
  private let bytes: UnsafeMutablePointer<UInt8>
  private let views: UnsafeMutablePointer<ByteView>
  let arguments: Arguments

  init(_ words: [String]) {
    let all = words.map { Array($0.utf8) }
    bytes = .allocate(capacity: max(1, all.joined().count))
    views = .allocate(capacity: max(1, all.count))
    var offset = 0
    for (index, word) in all.enumerated() {
      (bytes + offset).update(from: word, count: word.count)
      (views + index).initialize(to: ByteView(start: UnsafeRawPointer(bytes + offset), count: word.count))
      offset += word.count
    }
    arguments = Arguments(first: views, count: all.count)
  }

  deinit {
    bytes.deallocate()
    views.deallocate()
  }
}
