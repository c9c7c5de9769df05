// LolwutCommand.swift — LOLWUT: a picture, and the version in the line that people look for.
import Bytes
import Commands
import Wire

enum LolwutCommand {
  static var definition: CommandDefinition {
    CommandDefinition(
      CommandFacts(
        "lolwut", arity: -1, [.readonly, .fast], group: .server, since: "5.0.0", "A picture and the version.",
        complexity: "", arguments: "[VERSION version:integer]"),
      run: draw)
  }

  private static let columns = 64
  private static let rows = 12

  /// Martlets at dusk, scattered anew each time. Every version draws the same sky; what follows its number is size
  /// and number of things in Redis's pictures, and has no meaning here.
  private static func draw(_ execution: inout Execution) {
    let words = execution.arguments
    if words.count > 2, words[1].equalsIgnoringCase("version") {
      guard execution.integer(2) != nil else { return }
    }
    var sky = [[UInt8]](repeating: [UInt8](repeating: UInt8(ascii: " "), count: columns), count: rows)
    let birds: [StaticString] = ["~v~", "`v'", "-v-", "\\v/", "v"]
    for _ in 0..<24 {
      let bird = birds[Int(execution.random.next() % UInt64(birds.count))]
      let row = Int(execution.random.next() % UInt64(rows))
      let column = Int(execution.random.next() % UInt64(columns - 4))
      for (offset, byte) in ByteView(bird).buffer.enumerated() { sky[row][column + offset] = byte }
    }
    let picture = sky.map { String(decoding: $0, as: UTF8.self) }.joined(separator: "\n")
    execution.reply.verbatim("txt", text: "\(picture)\n\nMartlets at dusk. Martlet ver. \(Version.martlet)\n")
  }
}
