// LCSTests.swift — common subsequences are common, are subsequences, and none is longer.
import Testing

@testable import Commands

/// The example that every description of LCS uses, in all shapes of its reply.
@Test func knownExample() {
  let bench = Workbench()
  bench.run("MSET", "a", "ohmytext", "b", "mynewtext")
  #expect(bench.run("LCS", "a", "b") == "$6|mytext|")
  #expect(bench.run("LCS", "a", "b", "LEN") == ":6|")
  let matches = "*2|*2|*2|:4|:7|*2|:5|:8|*2|*2|:2|:3|*2|:0|:1|"
  #expect(bench.run("LCS", "a", "b", "IDX") == "*4|$7|matches|\(matches)$3|len|:6|")
  let long = "*1|*3|*2|:4|:7|*2|:5|:8|:4|"
  #expect(
    bench.run("LCS", "a", "b", "IDX", "MINMATCHLEN", "4", "WITHMATCHLEN") == "*4|$7|matches|\(long)$3|len|:6|")
  bench.isRESP3 = true
  #expect(bench.run("LCS", "a", "b", "IDX", "MINMATCHLEN", "9") == "%2|$7|matches|*0|$3|len|:6|")
}

/// Errors, and keys that are not there.
@Test func edges() {
  let bench = Workbench()
  bench.run("SET", "a", "12")
  #expect(bench.run("LCS", "a", "none") == "$0||")
  #expect(bench.run("LCS", "a", "a") == "$2|12|")
  #expect(bench.run("LCS", "a", "a", "IDX", "LEN").hasPrefix("-ERR If you want both"))
  #expect(bench.run("LCS", "a", "a", "IDX", "MINMATCHLEN", "-9223372036854775808").contains("matches|*1|"))
  bench.execution.pointee.rules.bulkBytesMax = 35
  #expect(bench.run("LCS", "a", "a").hasPrefix("-ERR Insufficient memory, transient memory for LCS exceeds"))
}

/// Against the definition, on short random strings: the answer is a subsequence of both, and as long as the
/// longest that trying them all finds.
@Test(arguments: UInt64(1)...20) func isCommonAndLongest(seed: UInt64) {
  var random = RandomNumbers(seed: seed)
  let bench = Workbench()
  for _ in 0..<30 {
    let texts = [text(&random), text(&random)]
    bench.run("MSET", "a", texts[0], "b", texts[1])
    let reply = bench.run("LCS", "a", "b").split(separator: "|", omittingEmptySubsequences: false)
    let common = String(reply[1])
    #expect(isSubsequence(common, of: texts[0]) && isSubsequence(common, of: texts[1]))
    let longest = subsequences(of: texts[0]).filter { isSubsequence($0, of: texts[1]) }.map(\.count).max() ?? 0
    #expect(common.count == longest)
    #expect(bench.run("LCS", "a", "b", "LEN") == ":\(longest)|")
  }
}

private func isSubsequence(_ part: String, of whole: String) -> Bool {
  var rest = part[...]
  for letter in whole where letter == rest.first { rest = rest.dropFirst() }
  return rest.isEmpty
}

private func text(_ random: inout RandomNumbers) -> String {
  var text = ""
  for _ in 0..<Int.random(in: 0...9, using: &random) { text.append("abc".randomElement(using: &random) ?? "a") }
  return text
}

/// All of them, the empty one included.
private func subsequences(of text: String) -> [String] {
  var all = [""]
  for letter in text { all += all.map { $0 + String(letter) } }
  return all
}
