// SimulatedWorld.swift: sockets, peers and files that exist only in a seed.
//
//   test ── connect, write, read, close, reset ──▶ ┌───────┐ ◀── operations ── SimulatedRing ◀── server
//        ── makeFile, crash ─────────────────────▶ │ world │
//        ◀── violations, counts ────────────────── └───────┘
//
// The world is shared by the ring under the server and the test that plays everybody else. Its
// descriptor numbers are far from real ones, so that a system call on one fails instead of hitting
// a file of the test process; they are given out smallest first, as the kernel does, which is what
// makes mix-ups of old and new connections likely.
import Glibc

/// Everything around a simulated server, from one seed.
public final class SimulatedWorld {
  /// The first of the world's descriptor numbers.
  public static let firstDescriptor: Int32 = 1_000_000

  /// The world's chance; tests draw from it too, so that a seed repeats the whole run.
  public var random: SeededRandom
  /// May be changed while it runs.
  public var rates: SimulatedFaultRates
  /// How often each fault has happened.
  public private(set) var counts = [Int](repeating: 0, count: SimulatedFault.allCases.count)
  /// Broken rules, in words. A correct program leaves this empty.
  public private(set) var violations: [String] = []
  /// Advances with each enter, and by its timeout when nothing happens.
  public internal(set) var nanoseconds: UInt64 = 1_000_000_000

  enum Resource {
    case listener(SimulatedListener)
    case stream(SimulatedStream)
    case file(SimulatedFile)
    case pollable(isReadable: Bool)
  }

  var resources: [Int32: Resource] = [:]
  var peers: [SimulatedStream] = []
  /// Bytes on the whole disk before it is full; nil: it never is.
  public var diskBytesFree: Int?

  public init(seed: UInt64, rates: SimulatedFaultRates = .harmless) {
    random = SeededRandom(seed: seed)
    self.rates = rates
  }

  /// Throws the dice for a fault, and counts it if it falls.
  func strikes(_ fault: SimulatedFault) -> Bool {
    guard random.happens(rates[fault]) else { return false }
    count(fault)
    return true
  }

  func count(_ fault: SimulatedFault) { counts[fault.rawValue] += 1 }

  func violation(_ sentence: String) { violations.append(sentence) }

  func add(_ resource: Resource) -> Int32 {
    var number = SimulatedWorld.firstDescriptor
    while resources[number] != nil { number += 1 }
    resources[number] = resource
    return number
  }

  /// Descriptors that are open now.
  public var openDescriptors: [Int32] { resources.keys.sorted() }

  /// Closes a descriptor: 0 or -EBADF.
  func close(_ descriptor: Int32) -> Int32 {
    guard let resource = resources.removeValue(forKey: descriptor) else { return -EBADF }
    switch resource {
    case .stream(let stream): stream.serverHasClosed = true
    case .listener(let listener): for stream in listener.backlog { stream.isReset = true }
    case .file, .pollable: break
    }
    return 0
  }

  /// A descriptor that only `poll` is good for, such as the one that signals come from.
  public func makePollable() -> Int32 { add(.pollable(isReadable: false)) }

  /// Makes a pollable descriptor readable.
  public func raise(_ descriptor: Int32) {
    guard case .pollable = resources[descriptor] else { return }
    resources[descriptor] = .pollable(isReadable: true)
  }
}
