// Waker.swift: how another thread gets a ring out of its sleep.
//
// Two ways, one call: a completion posted straight to the ring (io_uring since 6.13, nothing to read
// on the other side), or an eventfd that the ring watches. Neither carries data: the woken thread
// looks into its inbox. Whoever wakes should know that the other one sleeps; waking costs a system call.
import CURing
import Glibc

/// Wakes one ring. Trivial and Sendable; must not be used after its ring is gone.
public struct Waker: BitwiseCopyable, Sendable {
  enum Way: UInt8 { case post, event }

  let way: Way
  /// The ring's descriptor, or the eventfd.
  let descriptor: Int32

  /// Makes the ring's `enter` return, now or when it is next called; `next` then brings a `.wake`.
  /// Callable from any thread. Several wakes may show as one.
  public func wake() {
    switch way {
    case .post:
      // A full queue over there means that it has enough to wake up for.
      _ = curing_post(descriptor, RingToken.woken.bits(), 1)
    case .event:
      _ = eventfd_write(descriptor, 1)
    }
  }
}
