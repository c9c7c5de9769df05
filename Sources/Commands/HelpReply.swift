// HelpReply.swift — the answer of every HELP subcommand.
import Wire

extension Reply {
  /// A headline, `lines`, and what HELP itself does, each a status line.
  public func help(_ container: StaticString, _ lines: [StaticString]) {
    array(lines.count + 3)
    raw("+")
    raw(container)
    raw(" <subcommand> [<arg> [value] [opt] ...]. Subcommands are:\r\n")
    for line in lines { simple(line) }
    simple("HELP")
    simple("    Prints this help.")
  }
}
