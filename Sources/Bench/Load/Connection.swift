// Connection.swift: one client: its socket, its prepared requests, and what it waits for.
//
//   requests  ┌ request 0 ┬ request 1 ┬ … ┬ request depth-1 ┐   laid out once, digits rewritten
//   due       [ t0, t1, …              ring of `depth`      ]   when each unanswered request was due
//                 └ first unanswered
//
// The memory is raw because the kernel reads it while a send is in flight; nothing writes to it then.

struct Connection {
  let descriptor: Int32
  var scanner = ReplyScanner()

  /// Room for `depth` requests of the largest template.
  let requests: UnsafeMutablePointer<UInt8>
  /// Moments, in nanoseconds, from which the latencies of unanswered requests count.
  let due: UnsafeMutablePointer<UInt64>
  let depth: Int
  /// Of `due`: the oldest unanswered request's place.
  var first = 0
  var unanswered = 0
  /// Bytes of the send that the kernel has; 0: none.
  var sending = 0
  var isReceiving = false
  /// Open loop: requests of this connection issued so far.
  var issued: UInt64 = 0

  init(descriptor: Int32, depth: Int, requestBytesMax: Int) {
    self.descriptor = descriptor
    self.depth = depth
    requests = .allocate(capacity: max(1, depth * requestBytesMax))
    due = .allocate(capacity: depth)
  }

  /// The same batch again and again: the bytes outside the holes are written here, once.
  func layOut(_ template: Template) {
    for place in 0..<depth {
      copy(template, to: place * template.bytes.count)
    }
  }

  @inline(__always) func copy(_ template: Template, to offset: Int) {
    template.bytes.withUnsafeBufferPointer { bytes in
      (requests + offset).update(from: bytes.baseAddress!, count: bytes.count)
    }
  }

  @inline(__always) mutating func push(due moment: UInt64) {
    var place = first + unanswered
    if place >= depth { place -= depth }
    due[place] = moment
    unanswered += 1
  }

  @inline(__always) mutating func pop() -> UInt64 {
    let moment = due[first]
    first = first + 1 == depth ? 0 : first + 1
    unanswered -= 1
    return moment
  }

  /// Only when the kernel is done with it.
  func free() {
    requests.deallocate()
    due.deallocate()
  }
}
