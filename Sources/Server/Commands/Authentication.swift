// Authentication.swift — AUTH, and the one user there is.
//
// Passwords are compared in full whatever their first bytes are, so that the time a refusal
// takes says nothing about how much of a guess was right.
import Bytes
import Commands
import Configuration
import Wire

enum Authentication {
  static var auth: CommandDefinition {
    CommandDefinition(
      CommandFacts(
        "auth", arity: -2, [.noscript, .loading, .stale, .fast, .noAuth, .allowBusy], .connection, group: .connection,
        since: "1.0.0", "Proves with a password that the client may use the server.",
        complexity: "O(N) in the number of passwords of the user",
        history: [.init("6.0.0", "Takes a username in front of the password.")], arguments: "[username@6.0.0] password")
    ) { execution in
      let words = execution.arguments
      guard words.count <= 3 else { return execution.reply.error("ERR syntax error") }
      let hasPassword = !execution.server.pointee.configuration.settings.security.password.isEmpty
      if words.count == 2 && !hasPassword {
        return execution.reply.error(
          """
          ERR AUTH <password> called without any password configured for the default user. \
          Are you sure your configuration is correct?
          """)
      }
      let user = words.count == 3 ? words[1] : ByteView(defaultUser)
      guard admits(user, password: words[words.count - 1], &execution) else { return }
      execution.reply.ok()
    }
  }

  static let defaultUser: StaticString = "default"

  /// Authenticates the asking client, or answers why not.
  static func admits(_ user: ByteView, password: ByteView, _ execution: inout Execution) -> Bool {
    let expected = execution.server.pointee.configuration.settings.security.password
    guard user == ByteView(defaultUser), expected.isEmpty || isEqual(password, expected) else {
      execution.server.pointee.statistics.authenticationFailures += 1
      execution.reply.error("WRONGPASS invalid username-password pair or user is disabled.")
      return false
    }
    execution.session.pointee.flags.insert(.authenticated)
    return true
  }

  /// Takes time by the length of the guess only.
  private static func isEqual(_ guess: ByteView, _ secret: String) -> Bool {
    let secret = Array(secret.utf8)
    var difference = guess.count ^ secret.count
    for i in 0..<guess.count { difference |= Int(guess[i] ^ secret[i % max(secret.count, 1)]) }
    return difference == 0
  }
}
