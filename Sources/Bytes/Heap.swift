// Heap.swift — what the allocator says about itself.
import CAllocator

public enum Heap {
  /// Totals of the whole process, in bytes.
  public struct Totals: Sendable {
    /// Handed out and not freed.
    public let allocated: UInt64
    /// In pages that hold something.
    public let active: UInt64
    /// In memory, as far as the allocator knows.
    public let resident: UInt64
  }

  /// Read afresh; takes microseconds.
  public static var totals: Totals {
    var raw = martlet_heap()
    unsafe martlet_heap_statistics(&raw)
    return Totals(allocated: raw.allocated, active: raw.active, resident: raw.resident)
  }

  /// What INFO calls used_memory.
  public static var usedBytes: UInt64 { totals.allocated }

  public static func purge() { martlet_heap_purge() }

  /// "jemalloc-5.3.0"
  public static var allocatorName: String { unsafe String(cString: martlet_allocator_name()) }

  /// The allocator's own report, many lines.
  public static var report: String {
    guard let text = unsafe martlet_heap_report() else { return "" }
    defer { unsafe free(text) }
    return unsafe String(cString: text)
  }
}
