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
    Process.complain(error.report(version: Version.martlet))
    return nil
  }
}

switch Invocation.parse(Array(CommandLine.arguments.dropFirst())) {
case .version: print("Martlet server v=\(Version.martlet) sha=00000000:0 malloc=jemalloc bits=64 build=release")
case .help: print(Usage.text)
case .checkSystem: Process.exit(SystemCheck.run())
case .explain(let name): Process.exit(Explanation.print(name))
case .printConfiguration(let options):
  guard let configuration = load(options) else { Process.exit(1) }
  Explanation.printAll(configuration)
case .serve(let options):
  guard let configuration = load(options) else { Process.exit(1) }
  Process.exit(Start.serve(configuration))
}
