// Heap.swift — what the allocator says about itself.
import CAllocator

package enum Heap {
  /// Totals of the whole process, in bytes.
  package struct Totals: Sendable {
    /// Handed out and not freed.
    package let allocated: UInt64
    /// In pages that hold something.
    package let active: UInt64
    /// In memory, as far as the allocator knows.
    package let resident: UInt64
  }

  /// Read afresh; takes microseconds.
  package static var totals: Totals {
    var raw = martlet_heap()
    unsafe martlet_heap_statistics(&raw)
    return Totals(allocated: raw.allocated, active: raw.active, resident: raw.resident)
  }

  /// What INFO calls used_memory.
  package static var usedBytes: UInt64 { totals.allocated }

  package static func purge() { martlet_heap_purge() }

  /// "jemalloc-5.3.0"
  package static var allocatorName: String { unsafe String(cString: martlet_allocator_name()) }

  /// The allocator's own report, many lines.
  package static var report: String {
    guard let text = unsafe martlet_heap_report() else { return "" }
    defer { unsafe free(text) }
    return unsafe String(cString: text)
  }
}
