// KeptWords.swift — the words of a request that outlives the buffer it came in.
//
//   ┌ view │ view │ … ┐┌ bytes of all words ┐        one allocation; the views point into it
import Bytes
import Commands
import Wire

struct KeptWords: ~Copyable {
  private let memory: UnsafeMutableRawPointer
  private let count: Int

  /// Copies the words; `substitutes` stand for some of them. Long words that are in `large` are not copied: whoever
  /// keeps this keeps them, too.
  init(
    _ arguments: Arguments, substitutes: [Waiting.Substitute] = [], large: UnsafeMutablePointer<LargeWords>? = nil
  ) {
    count = arguments.count
    var bytes = MemoryLayout<ByteView>.stride * count
    for index in 0..<count where large?.pointee.holds(arguments[index]) != true { bytes += arguments[index].count }
    for substitute in substitutes { bytes += substitute.text.count }
    memory = .allocate(byteCount: max(1, bytes), alignment: MemoryLayout<ByteView>.alignment)
    let views = memory.assumingMemoryBound(to: ByteView.self)
    var end = memory + MemoryLayout<ByteView>.stride * count
    for index in 0..<count {
      var word = arguments[index]
      guard large?.pointee.holds(word) != true else {
        (views + index).initialize(to: word)
        continue
      }
      if let substitute = substitutes.first(where: { $0.word == index }) {
        substitute.text.withUnsafeBytes { text in
          word = ByteView(text)
          word.copy(to: end)
        }
      } else {
        word.copy(to: end)
      }
      (views + index).initialize(to: ByteView(start: end, count: word.count))
      end += word.count
    }
  }

  deinit { memory.deallocate() }

  var arguments: Arguments { Arguments(first: memory.assumingMemoryBound(to: ByteView.self), count: count) }
}

/// A request that must not begin yet: CLIENT PAUSE, the log's limits, or an image makes it wait.
struct HeldRequest: ~Copyable {
  let words: KeptWords
  /// Its long words, which words point into.
  var largeWords: UnsafeMutablePointer<LargeWords>?
  /// Bytes that it took on the wire.
  let bytes: Int
  /// It would change a large value that somebody else still reads.
  var isParked = false

  init(_ arguments: Arguments, largeWords: UnsafeMutablePointer<LargeWords>?, bytes: Int) {
    words = KeptWords(arguments, large: largeWords)
    self.largeWords = largeWords
    self.bytes = bytes
  }

  deinit {
    guard let list = largeWords else { return }
    list.deinitialize(count: 1)
    list.deallocate()
  }
}
