// RefusalTests.swift: io_uring refused in each way that containers and kernels know.
//
// A seccomp filter holds for the thread that installs it, so each case has a thread of its own.
import CURing
import Glibc
import Testing

@testable import Ring

@Suite struct RefusalTests {
  /// What `auto` finds, and the error of `io_uring`, in a thread that is refused.
  private func choose(
    refusing call: Int32 = CURING_CALL_SETUP, with code: Int32
  ) throws -> (found: Engine?, error: RingError?) {
    final class Box: @unchecked Sendable {
      var isInstalled = false
      var found: Engine?
      var error: RingError?
    }
    let box = Box()
    let thread = try Thread {
      guard curing_refuse(UInt32(call), UInt32(code)) == 0 else { return }
      box.isInstalled = true
      box.found = try? Engine.choose(.auto)
      do throws(RingError) { _ = try Engine.choose(.io_uring) } catch { box.error = error }
    }
    thread.join()
    if !box.isInstalled { print("refusals are not tested here: no seccomp filter can be installed") }
    return (box.found, box.error)
  }

  @Test(arguments: [EPERM, ENOSYS]) func autoFallsBackAndSaysWhy(_ code: Int32) throws {
    let (found, error) = try choose(with: code)
    guard let found else { return }
    #expect(found.name == "epoll" && found.reason.contains("io_uring"))
    guard case .unavailable(let got, _) = error else {
      Issue.record("io_uring was asked for, refused, and no error came")
      return
    }
    #expect(got == code)
  }

  /// The ring is granted, and then a call that it needs is not.
  @Test(arguments: [CURING_CALL_ENTER, CURING_CALL_REGISTER]) func halfAnEngineIsNone(_ call: Int32) throws {
    let (found, error) = try choose(refusing: call, with: EPERM)
    guard let found else { return }
    #expect(found.name == "epoll" && !found.reason.isEmpty && error != nil)
  }

  /// Some sandboxes kill instead of answering; the probe's child dies of it, we do not.
  @Test func deadlySandbox() throws {
    let (found, error) = try choose(with: 0)
    guard let found else { return }
    #expect(found.name == "epoll" && found.reason.contains("sandbox"))
    #expect(error != nil)
  }
}
