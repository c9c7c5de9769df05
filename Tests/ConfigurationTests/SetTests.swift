// Proves that CONFIG GET finds what Redis finds, and that CONFIG SET sets all or nothing, with the
// replies of redis-server 7.0.15.
import Testing

@testable import Configuration

@Suite struct SetTests {
  @Test func patternsLiteralsAndAliases() {
    let configuration = Configuration()
    #expect(configuration.get(["*slave*"]).map(\.name).contains("slave-priority"))
    #expect(
      configuration.get(["replica-priority", "slave-*rity"]).map(\.name) == ["replica-priority", "slave-priority"])
    #expect(configuration.get(["save", "SAVE", "s?ve"]).map(\.name) == ["save"])
    #expect(configuration.get(["TIMEOUT"]).map(\.name) == ["TIMEOUT"])
    #expect(configuration.get(["nosuch"]).isEmpty)
    #expect(configuration.get(["*key-load*"]).isEmpty)
    #expect(configuration.get(["key-load-delay"]).map(\.value) == ["0"])
    #expect(configuration.get(["user", "rename-command", "include"]).isEmpty)
    let all = configuration.get(["*"]).map(\.name)
    #expect(all == all.sorted())
    #expect(!all.contains("user"))
  }

  @Test(arguments: [
    ("nosuch", "1", "Unknown option or number of arguments for CONFIG SET - 'nosuch'"),
    ("user", "x", "Unknown option or number of arguments for CONFIG SET - 'user'"),
    ("databases", "7", "can't set immutable config"),
    ("dir", "/tmp", "can't set protected config"),
    ("timeout", "x", "argument couldn't be parsed into an integer"),
    ("timeout", " 5", "argument couldn't be parsed into an integer"),
    ("timeout", "05", "argument couldn't be parsed into an integer"),
    ("timeout", "+5", "argument couldn't be parsed into an integer"),
    ("timeout", "", "argument couldn't be parsed into an integer"),
    ("activerehashing", "1", "argument must be 'yes' or 'no'"),
    ("appendfsync", "", "argument(s) must be one of the following: everysec, always, no"),
    (
      "maxmemory-policy", "x",
      "argument(s) must be one of the following: volatile-lru, volatile-lfu, "
        + "volatile-random, volatile-ttl, allkeys-lru, allkeys-lfu, allkeys-random, noeviction"
    ),
    ("maxmemory-clients", "101%", "percentage argument must be less or equal to 100"),
    ("maxmemory-clients", "-1%", "argument must be a memory or percent value"),
    ("maxclients", "0", "argument must be between 1 and 4294967295 inclusive"),
    ("save", "900 1 300", "Invalid save parameters"),
    ("save", " 900   1 ", "Invalid save parameters"),
    ("client-output-buffer-limit", "master 1 1 1", "Invalid client class specified in buffer limit configuration."),
    (
      "client-output-buffer-limit", "normal 1 1 -1",
      "Error in hard, soft or soft_seconds setting in buffer limit configuration."
    ),
    ("notify-keyspace-events", "Q", "Invalid event class character. Use 'Ag$lshzxeKEtmdn'."),
    ("oom-score-adj-values", "-2001 0 0", "Invalid oom-score-adj-values, elements must be between -2000 and 2000."),
    (
      "latency-tracking-info-percentiles", "101",
      "latency-tracking-info-percentiles parameters should sit between [0.0,100.0]"
    ),
    ("latency-tracking-info-percentiles", "a", "Invalid latency-tracking-info-percentiles parameters"),
    ("shutdown-on-sigterm", "save nosave", "shutdown options SAVE and NOSAVE can't be used simultaneously"),
    ("proc-title-template", "{bad}", "template format is invalid or contains unknown variables"),
    ("proc-title-template", "", "template format is invalid or contains unknown variables"),
    ("cluster-announce-hostname", "a b", "Hostnames may only contain alphanumeric characters, hyphens or dots"),
    ("cluster-announce-client-ipv4", "1.2.3", "Invalid IPv4 address"),
  ])
  func refusals(name: String, value: String, reason: String) {
    var configuration = Configuration()
    let reply = configuration.set(name, value)
    let prefix = "CONFIG SET failed (possibly related to argument '\(name)') - "
    #expect(reply == (reason.hasPrefix("Unknown") ? reason : prefix + reason))
    #expect(configuration.settings == .builtIn)
  }

  @Test(arguments: [
    ("maxmemory", "10kB", "10240"), ("maxmemory", "18446744073709551615", "18446744073709551615"),
    ("maxmemory-clients", "10%", "10%"), ("maxmemory-clients", "0%", "0"), ("maxmemory-clients", "10mb", "10485760"),
    ("notify-keyspace-events", "Kx", "xK"), ("notify-keyspace-events", "KEgn", "gnKE"),
    ("notify-keyspace-events", "AKEm", "AKEm"), ("appendfsync", "ALWAYS", "always"), ("appendonly", "YES", "yes"),
    ("save", "900 1 60 5", "900 1 60 5"), ("save", "", ""), ("bind", "", ""),
    ("shutdown-on-sigterm", "now save", "save now"),
    (
      "client-output-buffer-limit", "replica 1mb 2mb 3",
      "normal 0 0 0 slave 1048576 2097152 3 pubsub 33554432 8388608 60"
    ),
    ("slot-migration-max-failover-repl-bytes", "-1", "-1"), ("lua-time-limit", "7", "7"),
  ])
  func accepted(name: String, value: String, shown: String) {
    var configuration = Configuration()
    #expect(configuration.set(name, value) == "OK")
    #expect(configuration[name] == shown)
    #expect(configuration.origin(of: DirectiveTable.find(name)!) == .runTime)
  }

  @Test func aliasesAreOneParameter() {
    var configuration = Configuration()
    #expect(configuration.set("slave-priority", "7") == "OK")
    #expect(configuration["replica-priority"] == "7")
    #expect(configuration.set("commandlog-execution-slower-than", "5") == "OK")
    #expect(configuration["slowlog-log-slower-than"] == "5")
  }

  @Test func allOrNothing() {
    var configuration = Configuration()
    #expect(configuration.set([("timeout", "9"), ("hz", "x")]).contains("'hz'"))
    #expect(configuration.set([("timeout", "x"), ("nosuch", "1")]).contains("- 'nosuch'"))
    #expect(configuration.set([("timeout", "9"), ("databases", "1")]).contains("immutable"))
    #expect(
      configuration.set([("timeout", "1"), ("TIMEOUT", "2")])
        == "CONFIG SET failed (possibly related to argument 'TIMEOUT') - duplicate parameter")
    #expect(configuration.settings == .builtIn)
    #expect(configuration.set([("timeout", "9"), ("hz", "20")]) == "OK")
    #expect(configuration["timeout"] == "9")
    #expect(configuration["hz"] == "20")
  }

  @Test func theServerMayRefuseOrAdjust() throws {
    var configuration = Configuration()
    do {
      try configuration.set([("timeout", "9"), ("port", "80")], localClient: true) { old, new, names throws(Refusal) in
        #expect(old.network.port == 6379)
        #expect(new.network.port == 80)
        #expect(names == ["timeout", "port"])
        throw Refusal("Unable to listen on this port. Check server logs.", parameter: "port")
      }
      Issue.record("not refused")
    } catch {
      #expect(
        error.text == "CONFIG SET failed (possibly related to argument 'port') - "
          + "Unable to listen on this port. Check server logs.")
    }
    #expect(configuration.settings == .builtIn)
    try configuration.set([("io-threads", "8")], localClient: true) { _, new, _ in new.threads.ioThreads = 4 }
    #expect(configuration["io-threads"] == "4")
  }

  @Test func protectedParametersFollowThePermission() throws {
    var configuration = try load("enable-protected-configs local")
    #expect(configuration.set([("dir", "/tmp")], localClient: false).hasSuffix("can't set protected config"))
    #expect(configuration.set([("dir", "/tmp")], localClient: true) == "OK")
    configuration = try load("enable-protected-configs yes")
    #expect(configuration.set([("dbfilename", "x")], localClient: false) == "OK")
    #expect(configuration.set("dbfilename", "a/b").hasSuffix("dbfilename can't be a path, just a filename"))
  }
}
