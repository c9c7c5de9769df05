// DebugProtocol.swift — DEBUG PROTOCOL: one specimen of every type of reply.
import Bytes
import Commands
import Wire

enum DebugProtocol {
  static func run(_ execution: inout Execution) {
    let type = execution.arguments[2].text.lowercased()
    let reply = execution.reply
    switch type {
    case "string": reply.bulk("Hello World")
    case "integer": reply.integer(12345)
    case "double": reply.double(digits: ByteView("3.141"))
    case "null": reply.null()
    case "array":
      reply.array(3)
      for i in 0..<3 { reply.integer(i) }
    case "set":
      reply.set(3)
      for i in 0..<3 { reply.integer(i) }
    case "map":
      reply.map(3)
      for i in 0..<3 {
        reply.integer(i)
        reply.boolean(i == 1)
      }
    case "attrib": attribute(reply)
    case "push": push(reply)
    case "verbatim": reply.verbatim("txt", ByteView("This is a verbatim\nstring"))
    case "true": reply.boolean(true)
    case "false": reply.boolean(false)
    case "bignum": bigNumber(reply)
    default:
      reply.error(
        """
        ERR Wrong protocol type name. Please use one of the following: \
        string|integer|double|bignum|null|array|set|map|attrib|push|verbatim|true|false
        """)
    }
  }

  /// RESP2 has no attributes: only what they belong to is answered.
  private static func attribute(_ reply: Reply) {
    if reply.isRESP3 {
      reply.header(UInt8(ascii: "|"), 1)
      reply.bulk("key-popularity")
      reply.array(2)
      reply.bulk("key:123")
      reply.integer(90)
    }
    reply.bulk("Some real reply following the attribute")
  }

  private static func push(_ reply: Reply) {
    guard reply.isRESP3 else { return reply.error("ERR RESP2 is not supported by this command") }
    reply.push(2)
    reply.bulk("server-cpu-usage")
    reply.integer(42)
    reply.bulk("Some real reply following the push reply")
  }

  private static func bigNumber(_ reply: Reply) {
    if reply.isRESP3 {
      reply.raw("(1234567999999999999999999999999999999\r\n")
    } else {
      reply.bulk("1234567999999999999999999999999999999")
    }
  }
}
