// main.swift — arguments and environment become settings, settings become a server.
import Configuration
import Ring
import Server

/// Reads what the configuration asks for.
func fetch(_ wanted: Wanted) throws(SourceError) -> [SourceText] {
  do throws(Errno) {
    switch wanted {
    case .file(let path): return [SourceText(path: path, bytes: try File.readAll(path))]
    case .standardInput: return [SourceText(path: "-", bytes: try File.readAll(0))]
    case .include(let pattern):
      guard pattern.contains(where: { "*?[".contains($0) }) else {
        return [SourceText(path: pattern, bytes: try File.readAll(pattern))]
      }
      var texts: [SourceText] = []
      for path in File.names(matching: pattern) { texts.append(SourceText(path: path, bytes: try File.readAll(path))) }
      return texts
    }
  } catch {
    throw SourceError(error.text)
  }
}

func load(_ options: StartOptions) -> Configuration? {
  do throws(ConfigurationError) {
    return try Configuration.load(options, environment: Environment.variables, fetch: fetch)
  } catch {
    ProcessFacts.complain(error.report(version: Version.martlet))
    return nil
  }
}

func say(_ text: String) { try? File.appendText(text, to: "") }

switch Invocation.parse(Array(CommandLine.arguments.dropFirst())) {
case .version: say("Martlet server v=\(Version.martlet) sha=00000000:0 malloc=\(Version.allocator) bits=64 build=release\n")
case .help: say(Documentation.usage)
case .checkSystem: ProcessFacts.exit(SystemCheck.run())
case .explain(let name?):
  guard let text = Documentation.explanation(of: name) else {
    ProcessFacts.complain("No directive is called '\(name)'.\n")
    ProcessFacts.exit(1)
  }
  say(text)
case .explain(nil): say(Documentation.names())
case .printConfiguration(let options):
  guard let configuration = load(options) else { ProcessFacts.exit(1) }
  say(configuration.listing())
case .serve(let options):
  guard let configuration = load(options) else { ProcessFacts.exit(1) }
  ProcessFacts.exit(Start.serve(configuration))
}
