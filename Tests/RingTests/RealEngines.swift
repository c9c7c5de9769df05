// RealEngines.swift: the engines of this machine, in all the shapes that the tests want.
import Testing

@testable import Ring

/// A real engine and the way it is set up.
enum RealEngine: String, CaseIterable, CustomTestStringConvertible {
  case uring
  /// With registered descriptors.
  case uringRegistered
  /// As on 5.19: no deferred task work, nothing multishot, an eventfd as waker.
  case uringOld
  /// Room for four submissions, eight completions and four buffers: everything overflows all the time.
  case uringTiny
  case epoll
  case epollTiny

  var testDescription: String { rawValue }

  var options: RingOptions {
    var options = RingOptions()
    switch self {
    case .uring: break
    case .uringRegistered: options.registeredFilesMax = 4096
    case .uringOld:
      options.allowsMultishot = false
      options.allowsDeferredTaskRun = false
      options.allowsPostedWakes = false
    case .uringTiny:
      options.submissionEntries = 4
      options.completionEntries = 8
      options.bufferCount = 4
      options.bufferBytes = 512
    case .epoll: options = .epoll
    case .epollTiny:
      options.bufferCount = 4
      options.bufferBytes = 512
    }
    return options
  }

  var isUring: Bool { self != .epoll && self != .epollTiny }

  static let uringReason: String? = {
    do throws(RingError) {
      _ = try UringCapabilities.probe()
      return nil
    } catch { return "\(error)" }
  }()

  /// Those that this kernel offers; prints why the others are left out.
  static let available: [RealEngine] = {
    guard let reason = uringReason else { return allCases }
    print("io_uring is not tested here: \(reason)")
    return allCases.filter { !$0.isUring }
  }()
}

/// Something to do with a ring, whichever it is.
protocol RingScript {
  associatedtype Result
  mutating func run<Ring: CompletionRing & ~Copyable>(_ ring: inout Ring) throws -> Result
}

extension RealEngine {
  func run<Script: RingScript>(_ script: inout Script) throws -> Script.Result {
    guard isUring else {
      var ring = try EpollRing(options)
      return try script.run(&ring)
    }
    var ring = try UringRing(options, UringCapabilities.probe(options))
    return try script.run(&ring)
  }
}
