// main.swift — what the queues between threads cost: nanoseconds per message.
//
//   swift run -c release measure-channels [MESSAGES]
//
// Each line is the median of several runs, in which all threads do nothing else. Credits are as in the server: a
// producer has at most `credits` messages under way, and yields the processor when it has none. So with more threads
// than processors the figures contain the switches between them.
import Channels
import Glibc
import Synchronization

/// As large as a job: an explicit kind, two words, a small payload.
struct Message: BitwiseCopyable {
  var kind: UInt8 = 0
  var small: UInt32 = 0
  var first: UInt64 = 0
  var second: UInt64 = 0
  var third: UInt64 = 0
}

let messages = CommandLine.arguments.dropFirst().first.flatMap { Int($0) } ?? 2_000_000
let credits: UInt64 = 256

func nanoseconds() -> UInt64 {
  var time = timespec()
  clock_gettime(CLOCK_MONOTONIC, &time)
  return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
}

final class Thread {
  private final class Body {
    let run: () -> Void
    init(_ run: @escaping () -> Void) { self.run = run }
  }
  private var handle = pthread_t()
  init(_ body: @escaping () -> Void) {
    pthread_create(&handle, nil, { argument in
      Unmanaged<Body>.fromOpaque(argument!).takeRetainedValue().run()
      return nil
    }, Unmanaged.passRetained(Body(body)).toOpaque())
  }
  func join() { pthread_join(handle, nil) }
}

/// A word alone on its lines.
final class Padded: @unchecked Sendable {
  private let before = (0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)
  let word = Atomic<UInt64>(0)
  private let after = (0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)
}

final class Box<Value: ~Copyable>: @unchecked Sendable {
  var value: Value?
  init(_ value: consuming Value) { self.value = consume value }
  func take() -> Value { value.take()! }
}

func report(_ name: String, count: Int, _ run: () -> (nanoseconds: UInt64, note: String)) {
  report([name], count: count) { _ in run() }
}

/// One line per way of doing the same, median (least to most).
func report(_ names: [String], count: Int, runs: Int = 7, _ run: (Int) -> (nanoseconds: UInt64, note: String)) {
  var results = names.map { _ in [(nanoseconds: UInt64, note: String)]() }
  for _ in 0..<runs { for way in names.indices { results[way].append(run(way)) } }
  func text(_ nanoseconds: UInt64) -> String {
    let tenths = Int(nanoseconds) * 10 / count
    return "\(tenths / 10).\(tenths % 10)"
  }
  for way in names.indices {
    let sorted = results[way].sorted { $0.nanoseconds < $1.nanoseconds }
    let name = names[way] + String(repeating: " ", count: max(0, 62 - names[way].utf8.count))
    let (least, median, most) = (sorted[0], sorted[runs / 2], sorted[runs - 1])
    print(name, text(median.nanoseconds), "ns  (\(text(least.nanoseconds)) to \(text(most.nanoseconds))) ", median.note)
  }
}

// MARK: one thread, no traffic between caches

@inline(never)
func alternate(
  _ producer: inout PrivateInbox<Message>.Producer, _ consumer: inout PrivateInbox<Message>.Consumer
) -> UInt64 {
  var sum: UInt64 = 0
  for i in 0..<UInt64(messages) {
    _ = producer.push(Message(first: i))
    if let message = consumer.pop() { sum &+= message.first }
  }
  return sum
}

report("private inbox, one thread, push and pop", count: messages) {
  let ends = PrivateInbox<Message>.make(capacity: 256)
  var producer = ends.producer
  var consumer = ends.consumer
  let begin = nanoseconds()
  let sum = alternate(&producer, &consumer)
  return (nanoseconds() - begin, sum == 0 ? "?" : "")
}
report("the same, written out without generics", count: messages) {
  var ring = PlainRing(capacity: 256)
  let begin = nanoseconds()
  let sum = alternate(&ring, messages)
  return (nanoseconds() - begin, sum == 0 ? "?" : "")
}
report("shared inbox, one thread, push and pop", count: messages) {
  var producer = SharedInbox<Message>.make(capacity: 256)
  var consumer = producer.makeConsumer()
  let begin = nanoseconds()
  var sum: UInt64 = 0
  for i in 0..<UInt64(messages) {
    _ = producer.push(Message(first: i))
    if let message = consumer.pop() { sum &+= message.first }
  }
  return (nanoseconds() - begin, sum == 0 ? "?" : "")
}
report("parking, a wake-up that is suppressed", count: messages) {
  let sleeper = Parking.Sleeper()
  var notifier = sleeper.makeNotifier()
  let begin = nanoseconds()
  for _ in 0..<messages { _ = notifier.mustWake() }
  return (nanoseconds() - begin, notifier.sent == 0 ? "" : "?")
}

// MARK: two threads

for burst in [1, 16, 64] {
  report("private inbox, bursts of \(burst)", count: messages) {
    let ends = PrivateInbox<Message>.make(capacity: 1_024)
    let writer = Box(ends.producer)
    var consumer = ends.consumer
    let total = messages / burst * burst
    let begin = nanoseconds()
    let thread = Thread {
      var producer = writer.take()
      for _ in 0..<total / burst {
        for i in 0..<UInt64(burst) { while !producer.write(Message(first: i)) { sched_yield() } }
        producer.publish()
      }
    }
    var received = 0
    while received < total { if consumer.pop() != nil { received += 1 } }
    thread.join()
    return (nanoseconds() - begin, "")
  }
}

for consumers in 1...2 {
  report("shared inbox, \(consumers) consumers", count: messages) {
    var producer = SharedInbox<Message>.make(capacity: 1_024)
    let received = Padded()
    let begin = nanoseconds()
    let threads = (0..<consumers).map { _ in
      let consumer = Box(producer.makeConsumer())
      return Thread {
        var consumer = consumer.take()
        var misses = 0
        while received.word.load(ordering: .relaxed) < UInt64(messages) {
          var count: UInt64 = 0
          while consumer.pop() != nil { count += 1 }
          if count > 0 { received.word.wrappingAdd(count, ordering: .relaxed) }
          misses = count > 0 ? 0 : misses + 1
          if misses > 100 { sched_yield() }
        }
      }
    }
    for i in 0..<UInt64(messages) { while !producer.push(Message(first: i)) { sched_yield() } }
    threads.forEach { $0.join() }
    return (nanoseconds() - begin, "")
  }
}

// MARK: the two outboxes

/// Runs `producers` threads, each of which sends a count of messages with what `makeSend` returned, and the consumer,
/// which gives credits back. Returns nanoseconds.
func collect(
  producers: Int, burst: Int, pause: UInt64, makeSend: (Int) -> ((UInt64) -> Void), pop: () -> Message?
) -> UInt64 {
  let returned = (0..<producers).map { _ in Padded() }
  let share = messages / 4 / producers / burst * burst
  let sends = (0..<producers).map(makeSend)
  let begin = nanoseconds()
  let threads = (0..<producers).map { index in
    let (send, back) = (sends[index], returned[index])
    return Thread {
      var sent: UInt64 = 0
      while sent < UInt64(share) {
        while sent + UInt64(burst) - back.word.load(ordering: .acquiring) > credits { sched_yield() }
        send(UInt64(burst))
        sent += UInt64(burst)
      }
    }
  }
  var received = 0
  var owed = [UInt64](repeating: 0, count: producers)
  var misses = 0
  while received < share * producers {
    guard let message = pop() else {
      // The executor has other things to do between two looks.
      if pause > 0 {
        let end = nanoseconds() + pause
        while nanoseconds() < end {}
      }
      for i in 0..<producers where owed[i] > 0 {
        returned[i].word.wrappingAdd(owed[i], ordering: .releasing)
        owed[i] = 0
      }
      misses += 1
      if misses > (pause > 0 ? 0 : 100) { sched_yield() }
      continue
    }
    misses = 0
    received += 1
    let from = Int(message.small)
    owed[from] += 1
    if owed[from] == 64 {
      returned[from].word.wrappingAdd(64, ordering: .releasing)
      owed[from] = 0
    }
  }
  threads.forEach { $0.join() }
  return nanoseconds() - begin
}

@inline(never)
func send(_ count: UInt64, from index: Int, _ producer: inout SharedOutbox<Message>.Producer) {
  for i in 0..<count { producer.write(Message(small: UInt32(index), first: i)) }
  producer.publish()
}

@inline(never)
func send(_ count: UInt64, from index: Int, _ ring: MPSCRing<Message>) {
  let position = ring.reserve(count)
  for i in 0..<count { ring.write(Message(small: UInt32(index), first: i), at: position + i) }
}

/// The two ways, run by turns, so that whatever else the machine does meets both.
for producers in 1...3 {
  for (burst, pause) in [(1, UInt64(0)), (16, 0), (64, 0), (1, 1_000), (16, 1_000)] {
    var longestHole: UInt64 = 0
    let how = "\(producers) producers, bursts of \(burst), \(pause) ns between looks"
    report(["lanes,    \(how)", "one ring, \(how)"], count: messages / 4, runs: 15) { way in
      guard way == 0 else {
        let ring = MPSCRing<Message>(capacity: 1_024)
        let time = collect(
          producers: producers, burst: burst, pause: pause,
          makeSend: { index in { send($0, from: index, ring) } },
          pop: { ring.pop() })
        longestHole = max(longestHole, ring.longestHoleNanoseconds)
        return (time, "")
      }
      var outbox = SharedOutbox<Message>(lanesMax: 3)
      let ends = (0..<producers).map { _ in Box(outbox.addLane(credits: Int(credits))) }
      let time = collect(
        producers: producers, burst: burst, pause: pause,
        makeSend: { index in
          let end = ends[index]
          return { send($0, from: index, &end.value!) }
        }, pop: { outbox.pop() })
      return (time, "")
    }
    print("          longest hole in the one ring: \(longestHole / 1_000) us")
  }
}
