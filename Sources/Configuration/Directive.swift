// Directive.swift — one line of the table: everything there is to know about one parameter.
//
// The config file, the command line, the environment, CONFIG GET, SET and REWRITE, the sample
// file and the documentation all read this one description, so they cannot disagree. A line is
// written with the factories of Directive+Forms.swift, next to its siblings, in Topics/.

/// One parameter of the server: its names, what it accepts, where the value lives in `Settings`,
/// when it may change, and whether it has an effect in this version.
package struct Directive: Sendable {
  /// The name under which it is documented and rewritten.
  package let name: String
  /// Other names for the same parameter; CONFIG GET answers to each.
  package let aliases: [String]
  /// One sentence for the reader of the sample file and of the documentation.
  package let summary: String
  /// What it accepts, in words: "0 to 65535", "yes or no", "one of: a, b".
  package let accepts: String
  /// How many arguments a line of the config file may carry.
  package let arity: Arity
  /// When the value may be changed.
  package let changes: Changes
  /// Left out of CONFIG GET unless asked for by its literal name, and out of the documentation.
  package private(set) var isHidden = false
  /// Belongs in files and on the command line only: CONFIG GET and SET do not know it.
  package private(set) var isFileOnly = false
  /// Holds a secret: never printed in listings, to be redacted in logs.
  package private(set) var isSensitive = false
  /// Each line in the file adds to the one before it, and CONFIG REWRITE may write several.
  package private(set) var isRepeatable = false
  /// Whether the server acts on it in this version.
  package private(set) var status = Status.effective

  /// Puts the built-in value into the settings.
  let reset: @Sendable (inout Settings) -> Void
  /// Parses the arguments into the settings, or says what is wrong and leaves them as they were.
  let store: @Sendable (inout Settings, [String], Assignment) throws(Refusal) -> Void
  /// The value in the form of CONFIG GET.
  let show: @Sendable (Settings) -> String
  /// The argument lists that a config file needs to say the same, one per line, ready quoted.
  let lines: @Sendable (Settings) -> [String]

  /// How many arguments follow the name.
  package enum Arity: Sendable { case one, many }

  /// When a parameter may be changed.
  package enum Changes: Sendable {
    case anytime
    /// At run time only when `enable-protected-configs` allows it.
    case protected
    case atStart
  }

  /// What a parameter does in this version.
  package enum Status: Sendable, Equatable {
    case effective
    /// Accepted now; takes effect with a feature that this version does not have yet.
    case later(Feature)
    /// Accepted so that existing files load; there is nothing here for it to act on.
    case accepted
  }

  /// Features that parameters wait for; the raw value is how the log and the documentation call them.
  package enum Feature: String, Sendable, CaseIterable {
    case threads = "I/O threads"
    case eviction
    case replication, cluster, scripting
    case pubsub = "publish/subscribe"
    case tls = "TLS"
    case accessControl = "access control lists"
    case system = "process and system integration"
  }
}

/// Whether an assignment stands for the whole value, or may add to what earlier lines said.
enum Assignment: Sendable {
  /// CONFIG SET, the environment, and the first line of a parameter: what was there before goes.
  case replacing
  /// A further line of the same parameter.
  case adding
}

/// Why a value is not accepted: the words that the client or the operator reads.
package struct Refusal: Error, Equatable, Sendable {
  package let reason: String
  /// The parameter at fault, where the one who refuses knows it.
  package let parameter: String?
  package init(_ reason: String, parameter: String? = nil) {
    self.reason = reason
    self.parameter = parameter
  }
}

// MARK: modifiers

extension Directive {
  func hidden() -> Directive { with { $0.isHidden = true } }
  func fileOnly() -> Directive { with { $0.isFileOnly = true } }
  func sensitive() -> Directive { with { $0.isSensitive = true } }
  func repeatable() -> Directive { with { $0.isRepeatable = true } }
  /// Accepted, without meaning here.
  func accepted() -> Directive { with { $0.status = .accepted } }
  func later(_ feature: Feature) -> Directive { with { $0.status = .later(feature) } }

  private func with(_ change: (inout Directive) -> Void) -> Directive {
    var copy = self
    change(&copy)
    return copy
  }
}

extension [Directive] {
  /// Marks a whole topic as waiting for a feature; lines already marked as accepted stay so.
  /// The day the feature arrives, the suffix goes.
  func later(_ feature: Directive.Feature) -> [Directive] {
    map { $0.status == .effective ? $0.later(feature) : $0 }
  }
}
