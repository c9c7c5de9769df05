// InfoCommand.swift — INFO [section ...].
import Bytes
import Commands
import Wire

enum InfoCommand {
  static var definition: CommandDefinition {
    CommandDefinition(
      CommandFacts(
        "info", arity: -1, [.loading, .stale], .dangerous,
        tips: [Tip.nondeterministic, Tip.allShards, Tip.special], group: .server, since: "1.0.0",
        "Tells what the server is, has and has done.", complexity: "O(1)",
        history: [.init("7.0.0", "Several sections in one call.")], arguments: "[section...]")
    ) { execution in
      var report = InfoReport(&execution)
      report.write(InfoReport.sections(execution.arguments.dropFirst(1)))
      execution.reply.verbatim("txt", text: report.out.text)
    }
  }
}
