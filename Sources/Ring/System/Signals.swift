// Signals.swift: signals as something that a ring can poll.
//
// The signals of interest are blocked in every thread and read from a descriptor, so that no handler
// runs at a bad moment. Call `open` before the first thread is made: threads inherit the mask.
import CURing
import Glibc

/// The signals that a server listens to.
public enum Signals {
  /// What arrived.
  public enum Signal: Sendable { case terminate, interrupt, user1, other(Int32) }

  /// Ignores SIGPIPE, SIGHUP and SIGXFSZ, blocks SIGTERM, SIGINT and SIGUSR1 and makes them readable
  /// from the result: `poll` it on a ring, then `take` until nil.
  public static func open() throws(Errno) -> Int32 {
    for ignored in [SIGPIPE, SIGHUP, SIGXFSZ] { _ = signal(ignored, SIG_IGN) }
    var mask = sigset_t()
    _ = unsafe sigemptyset(&mask)
    for wanted in [SIGTERM, SIGINT, SIGUSR1] { _ = unsafe sigaddset(&mask, wanted) }
    let code = unsafe pthread_sigmask(SIG_BLOCK, &mask, nil)
    guard code == 0 else { throw Errno(code) }
    return try checked { unsafe signalfd(-1, &mask, Int32(SFD_NONBLOCK | SFD_CLOEXEC)) }
  }

  /// The next signal that has arrived, and who sent it (0: the kernel); nil when there is none.
  public static func take(_ descriptor: Int32) -> (signal: Signal, sender: UInt32)? {
    var information = signalfd_siginfo()
    let size = MemoryLayout<signalfd_siginfo>.size
    guard unsafe read(descriptor, &information, size) == size else { return nil }
    let number = Int32(truncatingIfNeeded: information.ssi_signo)
    let signal: Signal =
      switch number {
      case SIGTERM: .terminate
      case SIGINT: .interrupt
      case SIGUSR1: .user1
      default: .other(number)
      }
    return (signal, information.ssi_pid)
  }
}
