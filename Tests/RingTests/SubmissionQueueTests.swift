// SubmissionQueueTests.swift: the queue over memory of ours instead of the kernel's, so that the "kernel"
// can take as much or as little as it likes.
import CURing
import Testing

@testable import Ring

/// The shared memory of a submission queue, and a kernel that takes entries from it.
private final class FakeKernel {
  let capacity: UInt32
  private let indices: UnsafeMutablePointer<UInt32>
  private let entries: UnsafeMutablePointer<curing_entry>
  /// What it has taken, call by call.
  private(set) var taken: [[(token: UInt64, flags: UInt8)]] = []

  init(capacity: UInt32) {
    self.capacity = capacity
    indices = .allocate(capacity: 3)
    // Close to the wrap-around of the indices.
    indices.initialize(repeating: UInt32.max - 5, count: 3)
    entries = .allocate(capacity: Int(capacity))
    entries.initialize(repeating: curing_entry(), count: Int(capacity))
  }

  deinit {
    indices.deallocate()
    entries.deallocate()
  }

  var queues: curing_queues {
    var queues = curing_queues()
    queues.submission_head = indices
    queues.submission_tail = indices + 1
    queues.submission_flags = indices + 2
    queues.submission_entries = capacity
    queues.submissions = entries
    return queues
  }

  func take(_ count: UInt32) {
    precondition(count <= indices[1] &- indices[0])
    var call: [(token: UInt64, flags: UInt8)] = []
    for _ in 0..<count {
      let entry = entries[Int(indices[0] & (capacity - 1))]
      call.append((entry.user_data, entry.flags))
      indices[0] &+= 1
    }
    taken.append(call)
  }
}

@Suite struct SubmissionQueueTests {
  private func token(_ number: Int) -> UInt64 { Token(.write, slot: UInt32(number), generation: 0).bits }

  /// Whatever is queued between enters, all of it arrives, in order, and no link crosses two enters.
  @Test(arguments: UInt64(1)...20) func nothingIsLostAndNoLinkIsSplit(_ seed: UInt64) {
    var random = SeededRandom(seed: seed)
    let kernel = FakeKernel(capacity: [2, 4, 8, 64][random.below(4)])
    var queue = SubmissionQueue(kernel.queues)
    var queued = 0
    for _ in 0..<200 {
      for _ in 0..<random.below(20) {
        if random.happens(300) {
          let (first, second) = queue.pair()
          curing_prepare_write(first, 1, nil, 1, 0, UInt32(CURING_SQE_LINK), token(queued))
          curing_prepare_data_sync(second, 1, 0, token(queued + 1))
          queued += 2
        } else {
          curing_prepare_nothing(queue.entry(), token(queued))
          queued += 1
        }
      }
      // As `enter` does: again and again until nothing waits behind.
      repeat {
        kernel.take(queue.publish())
        queue.refresh()
      } while queue.hasBacklog
      let isEmpty = queue.isEmpty
      #expect(isEmpty)
    }
    let order = kernel.taken.flatMap { $0.map(\.token) }
    #expect(order == (0..<queued).map { token($0) })
    for call in kernel.taken { #expect(call.last.map { $0.flags & UInt8(CURING_SQE_LINK) == 0 } ?? true) }
  }

  /// If the kernel stops between a write and its sync, the sync must not run by itself.
  @Test func severedLinksAreTakenBack() {
    let kernel = FakeKernel(capacity: 8)
    var queue = SubmissionQueue(kernel.queues)
    let (first, second) = queue.pair()
    curing_prepare_write(first, 1, nil, 1, 0, UInt32(CURING_SQE_LINK), token(0))
    curing_prepare_data_sync(second, 1, 0, token(1))
    let published = queue.publish()
    kernel.take(1)
    queue.refresh()
    let severed = [queue.takeSevered(), queue.takeSevered()]
    let rest = queue.publish()
    kernel.take(rest)
    queue.refresh()
    let (isEmpty, further) = (queue.isEmpty, queue.takeSevered())
    #expect(published == 2 && rest == 1 && isEmpty && further == nil)
    #expect(severed[0]?.bits == token(1) && severed[1] == nil, "it is handed back once")
    #expect(kernel.taken[1][0].token == RingToken.silent.bits())
  }
}
