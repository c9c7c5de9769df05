// Worker.swift: threads, each with a ring and its share of the clients.
import Glibc
import Ring

/// One thread's share of a run.
struct Share: Sendable {
  let options: Options
  let plan: Plan
  let sockets: [Int32]
  /// Requests per second of these clients; nil in a closed loop.
  let rate: Double?
  let seed: UInt64

  /// Makes a ring for the calling thread and runs on it.
  func run() throws(Complaint) -> Outcome {
    let engine: Engine
    do throws(RingError) {
      engine = try Engine.choose(options.engine, sizes(.init()))
    } catch {
      throw Complaint("no \(options.engine.rawValue): \(error)")
    }
    switch engine.kind {
    case .io_uring(let capabilities): return try onUring(capabilities)
    case .epoll: return try onEpoll()
    }
  }

  private func onUring(_ capabilities: UringCapabilities) throws(Complaint) -> Outcome {
    let ring: UringRing
    do throws(RingError) {
      ring = try UringRing(sizes(.init()), capabilities)
    } catch {
      throw Complaint("no io_uring: \(error)")
    }
    var load = Load(ring, self)
    return try load.run()
  }

  private func onEpoll() throws(Complaint) -> Outcome {
    let ring: EpollRing
    do throws(RingError) {
      ring = try EpollRing(sizes(.epoll))
    } catch {
      throw Complaint("no epoll: \(error)")
    }
    var load = Load(ring, self)
    return try load.run()
  }

  /// Registered descriptors for all, and buffers that take a large value in a few pieces.
  private func sizes(_ usual: RingOptions) -> RingOptions {
    var sizes = usual
    let highest = sockets.max().map { UInt32(clamping: $0) } ?? 0
    sizes.registeredFilesMax = min(highest + 1, 32768)
    if options.valueBytes > 4096 {
      sizes.bufferBytes = 16384
      sizes.bufferCount = 512
    }
    return sizes
  }
}

/// A thread that runs a share and keeps what came of it.
final class Worker: @unchecked Sendable {
  private let share: Share
  private var thread = pthread_t()
  // Written by the thread, read after the join.
  private var result: Result<Outcome, Complaint>?

  init(_ share: Share) { self.share = share }

  func start() throws(Complaint) {
    let context = Unmanaged.passRetained(self).toOpaque()
    let code = pthread_create(
      &thread, nil,
      { context in
        guard let context else { return nil }
        let worker = Unmanaged<Worker>.fromOpaque(context).takeRetainedValue()
        do throws(Complaint) {
          worker.result = .success(try worker.share.run())
        } catch {
          worker.result = .failure(error)
        }
        return nil
      }, context)
    guard code == 0 else {
      Unmanaged<Worker>.fromOpaque(context).release()
      throw Complaint("no thread: \(Errno(code))")
    }
  }

  func join() throws(Complaint) -> Outcome {
    pthread_join(thread, nil)
    guard let result else { throw Complaint("a thread ended without a result") }
    return try result.get()
  }
}
