// UringSetup.swift: getting a ring out of the kernel, or a sentence about why not.
//
// Flag sets are tried from the best downwards, sizes from the wanted one downwards when memory is
// short. A refusal becomes a sentence that tells whoever runs the server what to change.
import CURing
import Glibc

enum UringSetup {
  /// From 6.6, from 6.1, from 6.0, from 5.19.
  static func flagSets(_ options: RingOptions) -> [UInt32] {
    let common = IORING_SETUP_SUBMIT_ALL | IORING_SETUP_CQSIZE | IORING_SETUP_CLAMP | IORING_SETUP_TASKRUN_FLAG
    let deferred = common | IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN
    let cooperative = common | IORING_SETUP_COOP_TASKRUN
    let older = [cooperative | IORING_SETUP_SINGLE_ISSUER, cooperative]
    return options.allowsDeferredTaskRun ? [deferred | CURING_SETUP_NO_SQARRAY, deferred] + older : older
  }

  /// A ring with the first flag set that the kernel takes, as large as memory allows.
  static func open(_ options: RingOptions, flagSets: [UInt32]) throws(RingError) -> curing_queues {
    var queues = unsafe curing_queues()
    var code = EINVAL
    for flags in flagSets {
      var entries = max(4, options.submissionEntries)
      var completionEntries = max(8, options.completionEntries)
      repeat {
        code = -(unsafe curing_open(&queues, entries, completionEntries, flags))
        if code == 0 { return unsafe queues }
        entries /= 2
        completionEntries /= 2
      } while code == ENOMEM && entries >= 64
      guard code == EINVAL else { break }
    }
    throw .unavailable(errno: code, reason: sentence(for: code))
  }

  /// Everything that the engine cannot do without.
  static func require(_ features: UInt32, operations: UInt64) throws(RingError) {
    let needed = IORING_FEAT_NODROP | IORING_FEAT_SUBMIT_STABLE | IORING_FEAT_FAST_POLL | IORING_FEAT_EXT_ARG
    let wanted: [io_uring_op] = [
      IORING_OP_ACCEPT, IORING_OP_RECV, IORING_OP_SEND, IORING_OP_SENDMSG, IORING_OP_CONNECT, IORING_OP_CLOSE,
      IORING_OP_ASYNC_CANCEL, IORING_OP_POLL_ADD, IORING_OP_WRITE, IORING_OP_FSYNC, IORING_OP_FILES_UPDATE,
    ]
    let complete = wanted.allSatisfy { operations & 1 << UInt64($0.rawValue) != 0 }
    guard features & needed == needed, complete else {
      throw .unavailable(errno: EINVAL, reason: sentence(for: EINVAL))
    }
  }

  static func sentence(for code: Int32) -> String {
    switch code {
    case EPERM, EACCES:
      switch disabledSetting {
      case 2?: "io_uring is switched off on this machine (sysctl kernel.io_uring_disabled is 2)"
      case 1?:
        "io_uring is restricted on this machine (sysctl kernel.io_uring_disabled is 1 and this user is not "
          + "in kernel.io_uring_group)"
      default: "io_uring is not permitted here (EPERM), probably by the container's seccomp profile"
      }
    case ENOSYS: "the kernel has no io_uring (ENOSYS), or a seccomp profile hides it"
    case EINVAL: "the kernel's io_uring lacks what the server needs (Linux 5.19 or later has it)"
    case ENOMEM: "not enough memory may be locked for io_uring (raise ulimit -l, or LimitMEMLOCK= of the service)"
    case EMFILE, ENFILE: "no descriptor is left for io_uring (raise ulimit -n)"
    default: "io_uring_setup failed: \(Errno(code))"
    }
  }

  private static var disabledSetting: Int? {
    guard let bytes = try? File.readAll("/proc/sys/kernel/io_uring_disabled") else { return nil }
    return Int(String(decoding: bytes.prefix { $0 >= UInt8(ascii: "0") }, as: UTF8.self))
  }
}
