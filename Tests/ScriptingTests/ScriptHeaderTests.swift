// ScriptHeaderTests.swift — the line with which a script says what it may do, and the name of a script.
import Bytes
import Testing

@testable import Scripting

private func header(_ text: String) throws -> ScriptHeader {
  try Array(text.utf8).withUnsafeBytes { bytes in try ScriptHeader(ByteView(bytes)) }
}

/// Without the line a script is plain; with it, it has the flags that are named, and its code begins at the line's end.
@Test func headerIsRead() throws {
  #expect(try header("return 1") == header("x"))
  #expect(try header("return 1").flags == .isPlain)
  let read = try header("#!lua flags=no-writes,allow-oom\nreturn 1")
  #expect(read.flags == [.noWrites, .allowOOM])
  #expect(read.byteCount == 31)
  #expect(try header("#!lua\n").flags == [])
}

/// What is wrong with it is said in Redis's words.
@Test(arguments: [
  ("#!lua", "ERR Invalid script shebang"),
  ("#!\n", "ERR Invalid engine in script shebang"),
  ("#!python\n", "ERR Unexpected engine in script shebang: python"),
  ("#!lua name=x\n", "ERR Unknown lua shebang option: name=x"),
  ("#!lua flags=no-writes,x\n", "ERR Unexpected flag in script shebang: x"),
])
func malformedHeaderIsRefused(text: String, answer: String) {
  #expect(throws: ScriptHeader.Malformed(text: answer)) { try header(text) }
}

/// Digits come back as they were given, in lower case, and the empty text has the digest that everybody knows.
@Test func digestIsSHA1() {
  let empty = ScriptDigest(of: .empty)
  #expect(empty.text == "da39a3ee5e6b4b0d3255bfef95601890afd80709")
  #expect(ScriptDigest(digits: ByteView("DA39A3EE5E6B4B0D3255BFEF95601890AFD80709")) == empty)
  #expect(ScriptDigest(digits: ByteView("DA39A3EE5E6B4B0D3255BFEF95601890AFD8070")) == nil)
  #expect(ScriptDigest(digits: ByteView("ZA39A3EE5E6B4B0D3255BFEF95601890AFD80709")) == nil)
}
