// Upstream.swift — the way from a reactor to the executor: a call, or a queue.
import Commands

/// What a reactor knows of the executor. The reactor is generic over it, so that a call stays a call.
protocol Upstream: ~Copyable {
  /// Has the batch run. Nil if that is under way: the result comes as the order `ran`, and until then the batch and the
  /// bytes that its words point into are not touched.
  mutating func run(_ batch: UnsafeMutablePointer<Batch>, _ client: UnsafeMutablePointer<Client>) -> Ran?
  mutating func tell(_ job: Job)
  /// What is told in this turn cannot wait until the executor wakes up by itself. Of all jobs only `sent` can.
  mutating func hurry()
  /// Requests that a batch may hold.
  static var requestsMax: Int { get }
  /// The executor is another thread: what can be found out without it, is.
  static var isRemote: Bool { get }
}

/// From the executor's own reactor: everything is a call.
struct DirectUpstream: Upstream, BitwiseCopyable {
  let server: UnsafeMutablePointer<Server>

  static var requestsMax: Int { 16 }
  static var isRemote: Bool { false }

  @inline(__always)
  mutating func run(_ batch: UnsafeMutablePointer<Batch>, _ client: UnsafeMutablePointer<Client>) -> Ran? {
    server.run(batch, client)
  }

  @inline(__always)
  mutating func tell(_ job: Job) { server.pointee.take(job) }

  @inline(__always)
  mutating func hurry() {}
}
