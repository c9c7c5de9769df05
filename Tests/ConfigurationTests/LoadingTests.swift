// Proves that files, includes, standard input, environment and command line are read in order and
// after Redis 7.0's rules, and that each mistake is reported with its place and Redis's words.
import Testing

@testable import Configuration

@Suite struct LoadingTests {
  // MARK: values

  @Test func aFileWithEverything() throws {
    let configuration = try load(
      """
      # a comment, and an empty line

      PORT 7000
      bind 127.0.0.1 -::1
      unixsocketperm 0770
      maxmemory 1gb
      maxmemory-clients 5%
      save 900 1
      save 300 10 60 100
      client-output-buffer-limit normal 1mb 2mb 3
      client-output-buffer-limit slave 4 5 6
      replicaof 10.0.0.1 6380
      rename-command FLUSHALL ""
      user alice on >secret ~*
      notify-keyspace-events KEA
      requirepass "a \\"b\\x41"
      list-max-ziplist-entries 512
      """)
    let settings = configuration.settings
    #expect(settings.network.port == 7000)
    #expect(
      settings.network.bind == [
        BindAddress(host: "127.0.0.1", isOptional: false), BindAddress(host: "::1", isOptional: true),
      ])
    #expect(settings.network.unixSocketPermissions == 0o770)
    #expect(settings.memory.limitBytes == 1 << 30)
    #expect(settings.clients.memoryMax == .percent(5))
    #expect(settings.persistence.savePoints.map(\.seconds) == [900, 300, 60])
    #expect(settings.clients.outputLimits.normal == OutputLimit(hardBytes: 1 << 20, softBytes: 2 << 20, softSeconds: 3))
    #expect(settings.clients.outputLimits.replica == OutputLimit(hardBytes: 4, softBytes: 5, softSeconds: 6))
    #expect(settings.replication.primary == PrimaryAddress(host: "10.0.0.1", port: 6380))
    #expect(settings.security.renamedCommands == [RenamedCommand(from: "FLUSHALL", to: "")])
    #expect(settings.security.users == [UserLine(name: "alice", rules: ["on", ">secret", "~*"])])
    #expect(configuration["notify-keyspace-events"] == "AKE")
    #expect(settings.security.password == "a \"bA")
    #expect(configuration.origins["port"] == .file(path: "main.conf", line: 3))
    #expect(configuration.file == "main.conf")
  }

  @Test func savePointsReplaceTheBuiltInOnesOnce() throws {
    #expect(try load("save 1 2\nsave 3 4")["save"] == "1 2 3 4")
    #expect(try load("save \"\"")["save"] == "")
    #expect(try load("save 1 2\nsave \"\"\nsave 5 6")["save"] == "5 6")
    #expect(try load("save 1 2", options: ["--save", "3", "4"])["save"] == "1 2 3 4")
    #expect(try load("")["save"] == "3600 1 300 100 60 10000")
  }

  @Test func percentilesAsRedisPrintsThem() throws {
    let configuration = try load("latency-tracking-info-percentiles 50.123456789 1e1 99.99 0 100")
    #expect(configuration["latency-tracking-info-percentiles"] == "50.123457 10 99.99 0 100")
  }

  @Test func clampedValues() throws {
    #expect(try load("hz 1000")["hz"] == "500")
    #expect(try load("hz 0")["hz"] == "1")
    #expect(try load("repl-backlog-size 1")["repl-backlog-size"] == "16384")
  }

  @Test func carriageReturnsAndCommentsInOtherEncodings() throws {
    var files: [UInt8] = Array("port 7000\r\n# caf".utf8)
    files += [0xE9, 0x0A]
    files += Array("timeout 5".utf8)
    let bytes = files
    let configuration = try Configuration.load(
      {
        var options = StartOptions()
        options.configFile = "x"
        return options
      }(), environment: [],
      fetch: { _ throws(SourceError) in [SourceText(path: "x", bytes: bytes)] })
    #expect(configuration.settings.network.port == 7000)
    #expect(configuration.settings.clients.timeoutSeconds == 5)
  }

  // MARK: sources

  @Test func laterSourcesWin() throws {
    let files = Files(
      texts: ["f": "port 1\ntimeout 1\nhz 1\ntcp-keepalive 1"], standardInput: "timeout 2\nhz 2\ntcp-keepalive 2")
    let configuration = try load(
      ["f", "--tcp-keepalive", "4", "-"], files,
      [("MARTLET_HZ", "3"), ("MARTLET_TCP_KEEPALIVE", "3"), ("HOME", "/root"), ("MARTLETS_PORT", "9")])
    #expect(configuration["port"] == "1")
    #expect(configuration["timeout"] == "2")
    #expect(configuration["hz"] == "3")
    #expect(configuration["tcp-keepalive"] == "4")
    #expect(configuration.origins["timeout"] == .standardInput(line: 1))
    #expect(configuration.origins["hz"] == .environment(variable: "MARTLET_HZ"))
    #expect(configuration.origins["tcp-keepalive"] == .commandLine)
  }

  @Test func theEnvironmentReplacesWholeValues() throws {
    let configuration = try load(
      "save 1 2\nclient-output-buffer-limit normal 1 1 1",
      environment: [
        ("MARTLET_SAVE", "60 1"), ("MARTLET_BIND", "::1"), ("MARTLET_AOF_REWRITE_CPULIST", "0"),
        ("MARTLET_REQUIREPASS", "two words"),
      ])
    #expect(configuration["save"] == "60 1")
    #expect(configuration["bind"] == "::1")
    #expect(configuration["aof_rewrite_cpulist"] == "0")
    #expect(configuration["requirepass"] == "two words")
  }

  @Test func secretsFromFiles() throws {
    let files = Files(texts: ["/run/secret": "two words\nand a note\n"])
    let configuration = try load([], files, [("MARTLET_REQUIREPASS_FILE", "/run/secret")])
    #expect(configuration["requirepass"] == "two words")
    #expect(configuration.origins["requirepass"] == .environment(variable: "MARTLET_REQUIREPASS_FILE"))
    #expect(failure { try load([], files, [("MARTLET_REQUIREPASS_FILE", "/none")]) }?.line == nil)
    #expect(failure { try load([], files, [("MARTLET_PORT_FILE", "/run/secret")]) }?.line != nil)
    // A name that ends in _FILE of its own is not a secret's.
    #expect(try load([], files, [("MARTLET_TLS_KEY_FILE", "k.pem")])["tls-key-file"] == "k.pem")
  }

  @Test(arguments: ["MARTLET_NOSUCH", "MARTLET_", "MARTLET_USER", "MARTLET_PORT_"])
  func unknownVariables(name: String) {
    let error = failure { try load([], Files(), [(name, "1")]) }
    #expect(error?.reason == "Bad directive or wrong number of arguments")
    #expect(error?.report(version: "1").contains(">>> '\(name)=1'") == true)
  }

  @Test func includesInPlaceAndByPattern() throws {
    let configuration = try load(
      "port 1\ninclude d/*.conf\ntimeout 9\ninclude none/*.conf",
      files: ["d/a.conf": "port 2\ntimeout 2", "d/b.conf": "port 3\ninclude \"c\"", "c": "hz 20"])
    #expect(configuration["port"] == "3")
    #expect(configuration["timeout"] == "9")
    #expect(configuration["hz"] == "20")
    #expect(configuration.origins["hz"] == .file(path: "c", line: 1))
  }

  @Test func includeLoopsEnd() {
    let error = failure { try load("include a", files: ["a": "include b", "b": "\ninclude main.conf"]) }
    #expect(error?.reason == "include loop: main.conf -> a -> b -> main.conf")
    #expect(error?.origin == .file(path: "b", line: 2))
    let wide = failure {
      try load(
        "include a",
        files: ["a": "include b\ninclude b"].merging(
          ["b": String(repeating: "include c\n", count: 2000), "c": ""]) { a, _ in a })
    }
    #expect(wide?.reason == "too many nested includes")
  }

  @Test func filesThatCannotBeRead() {
    let include = failure { try load("include nowhere") }
    #expect(include?.report(version: "1") == "Fatal error, can't open config file 'nowhere': No such file or directory\n")
    let main = failure { try load(["nowhere"]) }
    #expect(main?.reason == "can't open config file 'nowhere': No such file or directory")
  }

  // MARK: mistakes

  @Test func theReport() {
    let error = failure { try load("# one\n\n  timeout   x  ") }
    #expect(
      error?.report(version: "0.1") == """
        *** FATAL CONFIG FILE ERROR (Martlet 0.1) ***
        Reading the configuration file, at line 3
        >>> 'timeout   x'
        argument couldn't be parsed into an integer
        (main.conf:3)

        """)
  }

  @Test(arguments: [
    ("nosuch 1", "Bad directive or wrong number of arguments"),
    ("timeout", "wrong number of arguments"),
    ("timeout 1 2", "wrong number of arguments"),
    ("timeout \"1", "Unbalanced quotes in configuration line"),
    ("include a b", "Bad directive or wrong number of arguments"),
    ("databases 0", "argument must be between 1 and 2147483647 inclusive"),
    ("io-threads 1000", "argument must be between 1 and 128 inclusive"),
    ("port 99999", "argument must be between 0 and 65535 inclusive"),
    ("socket-mark-id 99999999999", "argument must be between 0 and 4294967295 inclusive"),
    ("unixsocketperm 999", "argument couldn't be parsed as an octal number"),
    ("unixsocketperm 1777", "argument must be between 0 and 777 inclusive"),
    ("supervised foo", "argument(s) must be one of the following: upstart, systemd, auto, no"),
    ("rdbchecksum maybe", "argument must be 'yes' or 'no'"),
    ("maxmemory 1zb", "argument must be a memory value"),
    ("proto-max-bulk-len 1", "argument must be between 1048576 and 9223372036854775807 inclusive"),
    ("appendfilename a/b", "appendfilename can't be a path, just a filename"),
    ("appenddirname a/b", "appenddirname can't be a path, just a dirname"),
    ("appenddirname \"\"", "appenddirname can't be empty"),
    ("dbfilename ..", "dbfilename can't be a path, just a filename"),
    ("replicaof a", "wrong number of arguments"),
    ("replicaof a b", "Invalid master port"),
    ("slaveof 1.2.3.4 99999", "Invalid master port"),
    ("user", "Bad directive or wrong number of arguments"),
    ("rename-command a", "Bad directive or wrong number of arguments"),
    ("save 1", "Invalid save parameters"),
    ("save a b", "Invalid save parameters"),
    ("save 0 1", "Invalid save parameters"),
    ("client-output-buffer-limit normal 1 2", "Wrong number of arguments in buffer limit configuration."),
    ("oom-score-adj-values 1 2", "wrong number of arguments"),
    ("bind 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17", "Too many bind addresses specified."),
    ("loadmodule /x.so", "Modules are not supported by this server"),
    ("sentinel monitor a b c", "sentinel directive while not in sentinel mode"),
    ("tls-session-cache-size -1", "argument must be between 0 and 2147483647 inclusive"),
  ])
  func refusals(line: String, reason: String) {
    let error = failure { try load(line) }
    #expect(error?.reason == reason)
    #expect(error?.line == line)
  }

  // MARK: stock files

  /// The active lines of Debian's /etc/redis/redis.conf for 7.0.15.
  @Test func debiansFileLoads() throws {
    let configuration = try load(StockFiles.debian)
    #expect(configuration["logfile"] == "/var/log/redis/redis-server.log")
    #expect(configuration["daemonize"] == "yes")
    #expect(configuration["bind"] == "127.0.0.1 -::1")
    #expect(!configuration.notices().isEmpty)
  }

  /// A file with every parameter that Valkey 9.1 and Redis 8.2 tell, at their built-in values.
  @Test func everyParameterAtItsBuiltInValueLoads() throws {
    for column in [\ParameterFact.redis7, \.redis8, \.valkey9] {
      var text = ""
      for fact in ParameterFact.all where fact.name != "replicaof" && fact.name != "slaveof" {
        guard let answer = fact[keyPath: column] else { continue }
        let isList = DirectiveTable.find(fact.name)?.arity == .many
        text += "\(fact.name) \(isList && !answer.value.isEmpty ? answer.value : Grammar.quoted(answer.value))\n"
      }
      let configuration = try load(text)
      for fact in ParameterFact.all where fact.name != "replicaof" && fact.name != "slaveof" {
        guard let answer = fact[keyPath: column] else { continue }
        #expect(configuration[fact.name] == answer.value, "\(fact.name)")
      }
    }
  }
}
