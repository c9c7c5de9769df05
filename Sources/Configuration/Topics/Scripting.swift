// Scripting.swift — how long a script may run before others are told.

/// Scripts and functions. Each field is described by its line in the table below.
package struct ScriptingSettings: Sendable, Equatable {
  package var busyReplyMilliseconds = 0
  package var deprecatedAPI = false
  package var insecureAPI = false
}

extension Directive {
  static let scripting: [Directive] = [
    .integer(
      "busy-reply-threshold", \.scripting.busyReplyMilliseconds, .nonNegative, default: 5000, also: ["lua-time-limit"],
      "Milliseconds after which others hear that a script is running and may stop it; 0 never tells them."),
    .flag(
      "lua-enable-deprecated-api", \.scripting.deprecatedAPI, default: false, changes: .atStart,
      "Old names of the scripting interface."
    ).hidden().later(.scripting),
    .flag(
      "lua-enable-insecure-api", \.scripting.insecureAPI, default: false,
      "Parts of the scripting interface that let a script reach outside."
    ).hidden().later(.scripting),
  ]
}
