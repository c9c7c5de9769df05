// Proves that the command line is taken apart as redis-server 7.0 does it; each case was put to 7.0.15.
import Testing

@testable import Configuration

@Suite struct ArgumentsTests {
  @Test(arguments: [
    (["-v"], Invocation.version), (["--version", "x"], .version), (["-h"], .help), (["--help"], .help),
    (["--check-system"], .checkSystem), (["--explain"], .explain(nil)), (["--explain", "port"], .explain("port")),
  ])
  func questions(arguments: [String], invocation: Invocation) {
    #expect(Invocation.parse(arguments) == invocation)
  }

  @Test func printConfigurationTakesTheSameArguments() {
    guard case .printConfiguration(let options) = Invocation.parse(["f", "--port", "1", "--print-config"]) else {
      Issue.record("not recognised")
      return
    }
    #expect(options.configFile == "f")
    #expect(options.lines == ["port \"1\""])
  }

  @Test(arguments: [
    (["--port", "6380", "--timeout", "7"], ["port \"6380\"", "timeout \"7\""]),
    (["--port 6380", "--timeout", "7"], ["port 6380", "timeout \"7\""]),
    (["--save", "900", "1", "300", "2"], ["save \"900\" \"1\" \"300\" \"2\""]),
    (["--save", ""], ["save \"\""]),
    (["--save", "--port", "1"], ["save \"\"", "port \"1\""]),
    (["--port", "1", "--save"], ["port \"1\"", "save \"\""]),
    (["--proc-title-template", "--my--title"], ["proc-title-template \"--my--title\""]),
    (["--port", "--loglevel", "verbose"], ["port \"--loglevel\" \"verbose\""]),
    (["--requirepass", "a \"b"], ["requirepass \"a \\\"b\""]),
    (["-x", "5"], ["\"-x\" \"5\""]),
  ])
  func optionsBecomeLines(arguments: [String], lines: [String]) {
    guard case .serve(let options) = Invocation.parse(arguments) else {
      Issue.record("not a start")
      return
    }
    #expect(options.lines == lines)
    #expect(options.configFile == nil)
  }

  @Test func standardInputFirstOrLast() {
    func reads(_ arguments: [String]) -> Bool? {
      guard case .serve(let options) = Invocation.parse(arguments) else { return nil }
      return options.readsStandardInput
    }
    #expect(reads(["-"]) == true)
    #expect(reads(["-", "--port", "1"]) == true)
    #expect(reads(["f", "--port", "1", "-"]) == true)
    #expect(reads(["--port", "-", "1"]) == false)
    #expect(reads([]) == false)
  }

  @Test(arguments: [
    (["--port", "6379", "6380"], "port \"6379\" \"6380\"", "wrong number of arguments"),
    (["--port", "--loglevel", "verbose"], "port \"--loglevel\" \"verbose\"", "wrong number of arguments"),
    (["--port", "--bla"], "port \"--bla\"", "argument couldn't be parsed into an integer"),
    (["--port", "6380", "--loglevel"], "loglevel", "wrong number of arguments"),
    (
      ["--shutdown-on-sigint"], "shutdown-on-sigint",
      "argument(s) must be one of the following: default, save, nosave, now, force, safe, failover"
    ),
    (["--replicaof", "127.0.0.1", "abc"], "replicaof \"127.0.0.1\" \"abc\"", "Invalid master port"),
    (["--replicaof", "--127.0.0.1", "abc"], "replicaof \"--127.0.0.1\" \"abc\"", "Invalid master port"),
    (["--replicaof", "--127.0.0.1", "--abc"], "replicaof \"--127.0.0.1\"", "wrong number of arguments"),
    (["--timeout 8 --databases 3"], "timeout 8 --databases 3", "wrong number of arguments"),
    (["--save", "60", "1", ""], "save \"60\" \"1\" \"\"", "Invalid save parameters"),
    (["--nosuch", "1"], "nosuch \"1\"", "Bad directive or wrong number of arguments"),
  ])
  func mistakes(arguments: [String], line: String, reason: String) {
    let error = failure { try load(arguments) }
    #expect(error?.line == line)
    #expect(error?.reason == reason)
  }

  @Test func valuesInOneArgument() throws {
    let configuration = try load([
      "--bind", "127.0.0.1 ::1", "--client-output-buffer-limit", "pubsub 1 2 3",
      "--shutdown-on-sigterm", "nosave force", "--requirepass", "a b", "--replicaof", "1.2.3.4 5",
    ])
    #expect(configuration["bind"] == "127.0.0.1 ::1")
    #expect(configuration["client-output-buffer-limit"]?.hasSuffix("pubsub 1 2 3") == true)
    #expect(configuration["shutdown-on-sigterm"] == "nosave force")
    #expect(configuration["requirepass"] == "a b")
    #expect(configuration["replicaof"] == "1.2.3.4 5")
  }
}
