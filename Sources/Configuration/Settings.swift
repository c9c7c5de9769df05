// Settings.swift — every parameter as a typed field, for the server to read directly.
//
// The fields stand in groups, one file of Topics/ each, beside the lines of the table that
// describe them. Built-in values are in the table and nowhere else: a new `Settings` gets them
// from there.

/// The values of all parameters. A plain value: copy it to compare before and after.
package struct Settings: Sendable, Equatable {
  package var network = NetworkSettings()
  package var clients = ClientSettings()
  package var general = GeneralSettings()
  package var threads = ThreadSettings()
  package var memory = MemorySettings()
  package var encodings = EncodingSettings()
  package var persistence = PersistenceSettings()
  package var replication = ReplicationSettings()
  package var cluster = ClusterSettings()
  package var security = SecuritySettings()
  package var tls = TLSSettings()
  package var scripting = ScriptingSettings()
  package var observation = ObservationSettings()
  package var system = SystemSettings()

  /// The built-in values.
  package init() {
    for directive in DirectiveTable.all { directive.reset(&self) }
  }

  /// The built-in values, computed once.
  package static let builtIn = Settings()
}
