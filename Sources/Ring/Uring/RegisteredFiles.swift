// RegisteredFiles.swift: descriptors that the ring holds itself, so that an operation need not look them up.
//
// The table's index is the descriptor's number. A number must not be given out again by the kernel
// while the old file is in the table, so a close empties the place first and closes then, as one link.
import CURing

@safe struct RegisteredFiles: ~Copyable {
  /// Descriptors from here on are used by their number. 0 when nothing is registered.
  private let capacity: Int
  /// `numbers[n] == n`: what the kernel reads to fill place n, and may read at any time.
  private let numbers: UnsafeMutablePointer<Int32>
  private let isIn: UnsafeMutablePointer<Bool>

  init(capacity: Int) {
    self.capacity = capacity
    unsafe numbers = .allocate(capacity: max(1, capacity))
    unsafe isIn = .allocate(capacity: max(1, capacity))
    for number in 0..<capacity { unsafe (numbers + number).initialize(to: Int32(truncatingIfNeeded: number)) }
    unsafe isIn.initialize(repeating: false, count: capacity)
  }

  deinit {
    unsafe numbers.deallocate()
    unsafe isIn.deallocate()
  }

  var isOn: Bool { capacity > 0 }

  /// The entry flag for an operation on this descriptor.
  @inline(__always)
  func flag(_ descriptor: Int32) -> UInt32 { contains(descriptor) ? UInt32(CURING_SQE_FIXED_FILE) : 0 }

  @inline(__always)
  func contains(_ descriptor: Int32) -> Bool {
    let number = Int(descriptor)
    return unsafe number >= 0 && number < capacity && isIn[number]
  }

  /// Where the kernel reads the descriptor to put in its place; nil when there is no place for it.
  mutating func insert(_ descriptor: Int32) -> UnsafePointer<Int32>? {
    let number = Int(descriptor)
    guard number >= 0, number < capacity else { return nil }
    unsafe isIn[number] = true
    return unsafe UnsafePointer(numbers + number)
  }

  mutating func remove(_ descriptor: Int32) {
    guard contains(descriptor) else { return }
    unsafe isIn[Int(descriptor)] = false
  }
}
