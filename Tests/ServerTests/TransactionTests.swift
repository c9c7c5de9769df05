import Bytes
import Commands
import Store
import Testing
import Wire

@testable import Server

/// What is queued is kept word for word after the words it came from are gone, in order, whatever the queue grows to; long
/// words are taken over and let go of.
@Suite struct TransactionTests {
  private let table = CommandTable(AllCommands.list)

  private func command(_ arguments: Arguments) -> UnsafePointer<Command> {
    guard case .command(let command) = table.resolve(arguments) else { preconditionFailure("no such command") }
    return command
  }

  private func text(_ arguments: Arguments) -> String {
    (0..<arguments.count).map { String(decoding: arguments[$0].buffer, as: UTF8.self) }.joined(separator: " ")
  }

  @Test func keepsWordsInOrder() {
    var transaction = Transaction()
    let lines = (0..<100).map { $0 % 3 == 0 ? "GET key\($0)" : "SET key\($0) \(String(repeating: "v", count: $0))" }
    for line in lines {
      withWords(line) { words in
        transaction.append(
          QueuedRequest(
            command(words), words, largeWords: nil, bytes: words.byteCount, hintedKey: words[1],
            hash: KeyHash(bits: UInt64(words[1].count))))
      }
    }
    #expect(transaction.count == 100)
    for (index, line) in lines.enumerated() {
      let request = transaction.request(index)
      #expect(text(request.pointee.arguments) == line)
      // The hint is one of the words that were kept.
      #expect(request.pointee.key.start == request.pointee.arguments[1].start)
      #expect(request.pointee.hash == KeyHash(bits: UInt64(request.pointee.arguments[1].count)))
    }
    #expect(transaction.flags.contains(.write) && transaction.flags.contains(.readonly))
    #expect(transaction.argumentBytes == lines.map { $0.filter { $0 != " " }.utf8.count }.reduce(0, +))
    #expect(transaction.memoryBytes > transaction.argumentBytes)
  }

  @Test func aHintThatIsNoWordIsForgotten() {
    let other = UnsafeMutableRawPointer.allocate(byteCount: 1, alignment: 1)
    defer { other.deallocate() }
    withWords("GET k") { words in
      let hint = ByteView(start: UnsafeRawPointer(other), count: 1)
      let request = QueuedRequest(
        command(words), words, largeWords: nil, bytes: 0, hintedKey: hint, hash: KeyHash(bits: 1))
      #expect(request.key.isEmpty)
    }
  }
}
