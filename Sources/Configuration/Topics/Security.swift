// Security.swift — who may come in and what he may do; what the commands are called.

/// Passwords, users, dangerous commands. Each field is described by its line in the table below.
package struct SecuritySettings: Sendable, Equatable {
  /// Password of the default user; empty asks for none.
  package var password = ""
  package var users: [UserLine] = []
  package var aclFile = ""
  package var aclLogEntriesMax = 0
  package var newUsersChannels = NewUsersChannels.resetchannels
  package var renamedCommands: [RenamedCommand] = []
  package var protectedConfigs = Permission.no
  package var debugCommand = Permission.no
  package var moduleCommand = Permission.no
  package var debugAssert = false
  package var debugContext = ""
}

/// A `user` line: the name and its rules, in the order they were written.
package struct UserLine: Sendable, Equatable {
  package var name: String
  package var rules: [String]

  package init(name: String, rules: [String]) {
    self.name = name
    self.rules = rules
  }
}

/// A `rename-command` line; an empty new name disables the command.
package struct RenamedCommand: Sendable, Equatable {
  package var from: String
  package var to: String

  package init(from: String, to: String) {
    self.from = from
    self.to = to
  }
}

/// Who may use something dangerous.
package enum Permission: String, CaseIterable, Sendable {
  case no, yes
  /// Only clients from this machine.
  case local

  package func allows(localClient: Bool) -> Bool { self == .yes || (self == .local && localClient) }
}

/// What channels a new user may use.
package enum NewUsersChannels: String, CaseIterable, Sendable { case allchannels, resetchannels }

extension Directive {
  static let security: [Directive] = [
    .text(
      "requirepass", \.security.password, accepts: "password", "Password that clients must give; empty asks for none."
    ).sensitive(),
    Directive(
      name: "user", aliases: [],
      summary: "A user and what he may do, in the language of ACL SETUSER; once for each user.",
      accepts: "name rule ...", arity: .many, changes: .atStart,
      reset: { $0.security.users = [] },
      store: { settings, words, _ throws(Refusal) in
        guard let name = words.first else { throw Refusal("Bad directive or wrong number of arguments") }
        settings.security.users.append(UserLine(name: name, rules: Array(words.dropFirst())))
      },
      show: { _ in "" },
      lines: { settings in
        settings.security.users.map { user in
          ([user.name] + user.rules).map(Grammar.quotedIfNeeded).joined(separator: " ")
        }
      }
    ).repeatable().fileOnly().sensitive().later(.accessControl),
    .text("aclfile", \.security.aclFile, changes: .atStart, accepts: "path", "File with 'user' lines.")
      .later(.accessControl),
    .integer(
      "acllog-max-len", \.security.aclLogEntriesMax, .nonNegative, default: 128, "Refusals kept for ACL LOG."
    ).later(.accessControl),
    .choice(
      "acl-pubsub-default", \.security.newUsersChannels, default: .resetchannels, "Channels that a new user may use."
    ).later(.accessControl),
    Directive(
      name: "rename-command", aliases: [], summary: "Gives a command another name; an empty name disables it.",
      accepts: "command new-name", arity: .many, changes: .atStart,
      reset: { $0.security.renamedCommands = [] },
      store: { settings, words, _ throws(Refusal) in
        guard words.count == 2 else { throw Refusal("Bad directive or wrong number of arguments") }
        settings.security.renamedCommands.append(RenamedCommand(from: words[0], to: words[1]))
      },
      show: { _ in "" },
      lines: { settings in
        settings.security.renamedCommands.map { renamed in
          [renamed.from, renamed.to].map(Grammar.quotedIfNeeded).joined(separator: " ")
        }
      }
    ).repeatable().fileOnly(),
    .choice(
      "enable-protected-configs", \.security.protectedConfigs, default: .no, changes: .atStart,
      "Whether CONFIG SET may change protected parameters: no, yes, or only from this machine."),
    .choice(
      "enable-debug-command", \.security.debugCommand, default: .no, changes: .atStart,
      "Whether DEBUG may be used: no, yes, or only from this machine."),
    .choice(
      "enable-module-command", \.security.moduleCommand, default: .no, changes: .atStart,
      "Whether MODULE may be used; modules cannot be loaded here."
    ).accepted(),
    .flag(
      "enable-debug-assert", \.security.debugAssert, default: false, changes: .atStart, "Checks meant for tests."
    ).hidden().accepted(),
    .text("debug-context", \.security.debugContext, "A note for crash reports.").hidden().accepted(),
  ]
}
