// MemoryDoctor.swift — MEMORY DOCTOR: what is unusual about the memory in use, in sentences.

enum MemoryDoctor {
  /// Below this the program itself outweighs the data and ratios say nothing.
  private static let bytesMin: UInt64 = 5 << 20
  private static let bytesWorthMentioning: UInt64 = 32 << 20

  /// By a tenth, and by enough to matter.
  private static func exceeds(_ part: UInt64, _ whole: UInt64) -> Bool {
    Fixed.ratio(part, whole) > 1.1 && part > whole + bytesWorthMentioning
  }

  static func report(_ memory: MemoryFigures) -> String {
    guard memory.used >= bytesMin else {
      return "This instance is empty or uses very little memory: there is nothing to say about it yet.\n"
    }
    var findings: [String] = []
    if memory.peak > memory.used + memory.used / 2 {
      findings.append(
        """
        Peak: more than 1.5 times as much memory was once in use (\(Fixed.bytes(memory.peak))) as is now \
        (\(Fixed.bytes(memory.used))). The allocator may keep part of it; MEMORY PURGE gives back what is free.
        """)
    }
    if Fixed.ratio(memory.heap.active, memory.heap.allocated) > 1.4 {
      findings.append(
        """
        Fragmentation: pages in use hold 1.4 times what is allocated. That happens when values of many sizes come \
        and go; it recovers as new values fill the gaps.
        """)
    }
    if Self.exceeds(memory.heap.resident, memory.heap.active) {
      findings.append("Allocator: pages that hold nothing are still in memory. MEMORY PURGE gives them back.")
    }
    if Self.exceeds(memory.resident, memory.heap.resident) {
      findings.append("Process: the process takes more memory than its allocator knows of.")
    }
    if memory.clients > memory.used / 10, memory.clients > bytesWorthMentioning {
      findings.append(
        "Clients: buffers of clients take \(Fixed.bytes(memory.clients)). CLIENT LIST shows whose (omem, qbuf).")
    }
    guard !findings.isEmpty else { return "Nothing unusual about the memory in use.\n" }
    return "What is unusual about the memory in use:\n\n" + findings.map { " * \($0)\n\n" }.joined()
  }
}
