// main.swift: martlet-bench from its command line to its summary.
import Glibc
import Ring

do {
  switch try Options.parse(Array(CommandLine.arguments.dropFirst())) {
  case .usage: print(Options.usage)
  case .version: print("martlet-bench 0.2.0")
  case .run(let options): try measure(options)
  }
} catch {
  let line = "martlet-bench: \(error.text)\n"
  _ = write(STDERR_FILENO, line, line.utf8.count)
  exit(1)
}

/// Connects everybody, runs, prints.
func measure(_ options: Options) throws(Complaint) {
  signal(SIGPIPE, SIG_IGN)
  raiseFileLimit()
  sleepExactly()
  let greeting = try Greeting(options)
  var sockets: [Int32] = []
  for _ in 0..<options.clients { sockets.append(try greeting.connect()) }

  // Later than the last thread is ready, but not much.
  let start = Clock.monotonicNanoseconds() + (options.threads == 1 ? 0 : 20_000_000)
  let shares = (0..<options.threads).map { number in
    let own = stride(from: number, to: sockets.count, by: options.threads).map { sockets[$0] }
    let fraction = Double(own.count) / Double(sockets.count)
    let requests = options.requests.map { total in
      total / UInt64(options.threads) + (UInt64(number) < total % UInt64(options.threads) ? 1 : 0)
    }
    return Share(
      options: options, plan: Plan(options, start: start, requests: requests), sockets: own,
      rate: options.rate.map { $0 * fraction }, seed: options.seed &+ UInt64(number) &* 0x1_0000_0001)
  }
  let summary = Summary(options, try run(shares))
  switch options.output {
  case .human: print(summary.human)
  case .json: print(summary.json)
  case .histogram: print(summary.histogram)
  }
}

/// One share runs here; several each on a thread of its own.
func run(_ shares: [Share]) throws(Complaint) -> [Outcome] {
  guard shares.count > 1 else { return try shares.map { share throws(Complaint) in try share.run() } }
  let workers = shares.map(Worker.init)
  for worker in workers { try worker.start() }
  return try workers.map { worker throws(Complaint) in try worker.join() }
}

/// As many descriptors as this process may have.
func raiseFileLimit() {
  var limit = rlimit()
  guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return }
  limit.rlim_cur = limit.rlim_max
  _ = setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
}

/// The kernel rounds sleeps up by 50 microseconds unless it is told not to. Threads inherit this.
func sleepExactly() {
  guard let slack = try? File.open("/proc/self/timerslack_ns", for: .truncate) else { return }
  _ = write(slack, "1", 1)
  try? File.close(slack)
}
