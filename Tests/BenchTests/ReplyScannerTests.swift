// What the load generator counts must not depend on where the network cuts the stream.
import Testing

@testable import martlet_bench

private let kinds =
  "+OK\r\n:12\r\n-ERR no\r\n$5\r\nhello\r\n$-1\r\n$0\r\n\r\n*0\r\n*-1\r\n"  // RESP2
  + "*2\r\n$1\r\na\r\n*2\r\n:1\r\n$2\r\n\r\n\r\n"  // nested; a value that looks like a line end
  + "_\r\n#t\r\n,1.5\r\n(123456789012345678901\r\n=7\r\ntxt:abc\r\n!3\r\nERR\r\n"  // RESP3
  + "%1\r\n+k\r\n*1\r\n:1\r\n~2\r\n:1\r\n:2\r\n"
  + ">2\r\n+message\r\n$1\r\nx\r\n"  // a push is nobody's reply
  + "|1\r\n+ttl\r\n:9\r\n$3\r\nabc\r\n"  // an attribute belongs to the reply after it

private func count(_ text: String, cutAt cuts: [Int]) -> (ReplyCount, ReplyScanner) {
  let bytes = Array(text.utf8)
  var scanner = ReplyScanner()
  var total = ReplyCount()
  let ends = cuts + [bytes.count]
  var start = 0
  for end in ends {
    let part = Array(bytes[start..<end]).withUnsafeBytes { scanner.scan($0) }
    total.replies += part.replies
    total.errors += part.errors
    total.misses += part.misses
    start = end
  }
  return (total, scanner)
}

/// Every kind of reply, whole.
@Test func everyKindCountsOnce() {
  let (total, scanner) = count(kinds, cutAt: [])
  #expect(total == ReplyCount(replies: 18, errors: 2, misses: 3))
  #expect(scanner.firstError == "ERR no")
  #expect(!scanner.isBroken)
}

/// The same stream cut in two at every byte, and cut at every byte at once, counts the same.
@Test func cutsDoNotMatter() {
  let whole = count(kinds, cutAt: []).0
  for cut in 1..<kinds.utf8.count { #expect(count(kinds, cutAt: [cut]).0 == whole, "cut at \(cut)") }
  #expect(count(kinds, cutAt: Array(1..<kinds.utf8.count)).0 == whole)
}

/// Bytes that begin no reply are noticed instead of being counted.
@Test func nonsenseIsNoticed() {
  #expect(count("HTTP/1.1 400 Bad Request\r\n", cutAt: []).1.isBroken)
}
