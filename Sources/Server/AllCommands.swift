// AllCommands.swift — the families side by side: the whole command table.
import Commands

enum AllCommands {
  static var list: [CommandDefinition] {
    [CommandDefinition(CommandFacts("ping", arity: -1, [.fast], group: .connection, since: "1.0.0", "x", complexity: "O(1)"), run: { $0.reply.raw("+PONG\r\n") }),
    CommandDefinition(CommandFacts("set", arity: -3, [.write], group: .string, since: "1.0.0", "x", complexity: "O(1)"), run: { x in
       let k = x.arguments[1]; x.database.pointee.set(k, KeyHash(k), string: x.arguments[2]); x.reply.ok() }),
    CommandDefinition(CommandFacts("get", arity: 2, [.fast], group: .string, since: "1.0.0", "x", complexity: "O(1)"), run: { x in
       guard let l = x.read(x.arguments[1]) else { return x.reply.null() }
       x.reply.bulk(l.entry.bytes) }),
    ]
  }
}
import Store
