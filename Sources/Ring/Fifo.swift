// Fifo.swift: a queue of small things that allocates only to grow.
//
//        head                 head + count
//         ▼                      ▼
//   ┌───┬───┬───┬───┬───┬───┬───┬───┐
//   │   │ a │ b │ c │ d │ e │ f │   │   indices wrap at the capacity, a power of two
//   └───┴───┴───┴───┴───┴───┴───┴───┘

@safe struct Fifo<Element: BitwiseCopyable>: ~Copyable {
  private var elements: UnsafeMutablePointer<Element>
  private var capacity: Int
  private var head = 0
  private(set) var count = 0

  init(capacity: Int = 64) {
    precondition(capacity > 0 && capacity & (capacity - 1) == 0, "a power of two")
    self.capacity = capacity
    unsafe elements = .allocate(capacity: capacity)
  }

  deinit { unsafe elements.deallocate() }

  @inline(__always)
  var isEmpty: Bool { count == 0 }

  @inline(__always)
  mutating func push(_ element: Element) {
    if count == capacity { grow() }
    unsafe (elements + ((head &+ count) & (capacity &- 1))).initialize(to: element)
    count &+= 1
  }

  @inline(__always)
  mutating func pop() -> Element? {
    guard count > 0 else { return nil }
    let element = unsafe elements[head]
    head = (head &+ 1) & (capacity &- 1)
    count &-= 1
    return element
  }

  private mutating func grow() {
    let larger = UnsafeMutablePointer<Element>.allocate(capacity: capacity * 2)
    for i in 0..<count { unsafe (larger + i).initialize(to: elements[(head + i) & (capacity - 1)]) }
    unsafe elements.deallocate()
    unsafe elements = larger
    capacity *= 2
    head = 0
  }
}
