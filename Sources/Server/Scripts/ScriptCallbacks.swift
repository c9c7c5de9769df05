// ScriptCallbacks.swift — where Lua calls Swift: four functions, which return and never raise.
import Bytes
import CLua
import Commands
import Scripting
import Wire

enum ScriptCallbacks {
  static func list(for server: UnsafeMutablePointer<Server>) -> martlet_lua_callbacks {
    martlet_lua_callbacks(
      context: UnsafeMutableRawPointer(server),
      command: { context, words, count, resp, reply in
        guard let server = ScriptCallbacks.server(context) else { return 0 }
        let (answer, isCounted) = server.callFromScript(ScriptCallbacks.words(words, count), isRESP3: resp == 3)
        reply?.pointee = martlet_bytes(start: answer.start, count: answer.count)
        return isCounted ? 1 : 0
      },
      may_go_on: { context in
        guard let server = ScriptCallbacks.server(context) else { return Int32(MARTLET_LUA_GO_ON) }
        return Int32(server.mayScriptGoOn() ? MARTLET_LUA_GO_ON : MARTLET_LUA_KILLED)
      },
      log: { context, level, text, count in
        guard let server = ScriptCallbacks.server(context), let text else { return }
        server.pointee.logFromScript(Int(level), ByteView(start: text, count: count).text)
      },
      set_replication: { context, flags in
        ScriptCallbacks.server(context)?.pointee.scripts.run?.isUnrecorded = flags & 1 == 0
      },
      knows: { context, words, count in
        guard let server = ScriptCallbacks.server(context), count > 0 else { return 0 }
        if case .command = server.pointee.table.resolve(ScriptCallbacks.words(words, count)) { return 1 }
        return 0
      })
  }

  private static func server(_ context: UnsafeMutableRawPointer?) -> UnsafeMutablePointer<Server>? {
    context?.assumingMemoryBound(to: Server.self)
  }

  /// A word of C is laid out as a view is.
  private static func words(_ words: UnsafePointer<martlet_bytes>?, _ count: Int) -> Arguments {
    Arguments(first: UnsafeRawPointer(words)?.assumingMemoryBound(to: ByteView.self), count: count)
  }
}

extension Server {
  fileprivate mutating func logFromScript(_ level: Int, _ text: String) {
    switch level {
    case 0: log.debug(text)
    case 1: log.verbose(text)
    case 2: log.notice(text)
    default: log.warning(text)
    }
  }
}
