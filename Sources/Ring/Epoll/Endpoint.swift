// Endpoint.swift: what the epoll engine knows about one descriptor.
//
// Readiness is edge-triggered: the kernel says once that something has changed, and it is remembered
// here until it is used up. So arming and disarming a receive costs no system call, and an end that
// nobody reads from does not keep waking us.

@safe struct Endpoint: BitwiseCopyable {
  enum Reading: UInt8 { case nothing, accept, receive, receiveInto, poll }
  enum Writing: UInt8 { case nothing, plain, gathered, connect }

  var reading = Reading.nothing
  var writing = Writing.nothing
  /// Known to epoll.
  var isRegistered = false
  /// An edge was seen, and no read has come back short since.
  var isReadable = false
  /// The peer has ended its side: read on until that shows, because no further edge will come.
  var isHungUp = false
  /// In the list of descriptors to serve.
  var isListed = false
  /// Epoll also watches for room to send. Once on, it stays on: edges are rare.
  var watchesWritable = false
  /// The send did not go out at once, and its token is in the index.
  var isBlocked = false

  var readToken = Token(bits: 0)
  var writeToken = Token(bits: 0)
  /// Where a `receiveInto` or a plain send has its bytes.
  var readMemory: UnsafeMutableRawPointer?
  var readCount = 0
  var writeMemory: UnsafeRawPointer?
  var writeCount = 0
  var written = 0
  /// Number of the segment list of a gathered send.
  var segments: Int32 = -1
}

/// One endpoint per descriptor number; the kernel gives out the smallest free number, so the table is dense.
@safe struct EndpointTable: ~Copyable {
  private var endpoints: UnsafeMutablePointer<Endpoint>
  private var capacity = 256

  init() {
    unsafe endpoints = .allocate(capacity: capacity)
    unsafe endpoints.initialize(repeating: Endpoint(), count: capacity)
  }

  deinit { unsafe endpoints.deallocate() }

  /// Makes room for a descriptor, before its endpoint is used for the first time.
  @inline(__always)
  mutating func reserve(_ descriptor: Int32) {
    precondition(descriptor >= 0, "not a descriptor")
    if Int(descriptor) >= capacity { grow(Int(descriptor) + 1) }
  }

  subscript(descriptor: Int32) -> Endpoint {
    @inline(__always)
    _read {
      precondition(UInt32(bitPattern: descriptor) < capacity, "no room for this descriptor")
      yield unsafe endpoints[Int(descriptor)]
    }
    @inline(__always)
    _modify {
      precondition(UInt32(bitPattern: descriptor) < capacity, "no room for this descriptor")
      yield unsafe &endpoints[Int(descriptor)]
    }
  }

  private mutating func grow(_ wanted: Int) {
    var larger = capacity
    while larger < wanted { larger *= 2 }
    let fresh = UnsafeMutablePointer<Endpoint>.allocate(capacity: larger)
    unsafe fresh.update(from: endpoints, count: capacity)
    unsafe (fresh + capacity).initialize(repeating: Endpoint(), count: larger - capacity)
    unsafe endpoints.deallocate()
    unsafe endpoints = fresh
    capacity = larger
  }
}
