// UringCapabilities.swift: what this kernel's io_uring can do for us, found once per process.
//
// Three sources, in order of trust: what a small ring did when we tried it (UringSelfTest), what the
// kernel says (setup, features, supported operations), and the version number, which only serves to
// keep off one kernel range that is known to hand out wrong descriptors.
import CURing

/// Which setup and which operations work here. Rings of all threads are made from one of these.
public struct UringCapabilities: Sendable {
  /// Flags of io_uring_setup that were accepted together.
  public internal(set) var setupFlags: UInt32
  /// The kernel's own feature bits.
  public internal(set) var features: UInt32
  public internal(set) var multishotAccept = true
  public internal(set) var multishotReceive = true
  public internal(set) var registeredFiles = true
  /// Other threads wake a ring by a message, without an eventfd.
  public internal(set) var postedWakes = true

  /// 4: the full recipe (6.10 and later); 3: the same without the newest features (6.1); 2: without
  /// deferred task work (5.19). Below that the epoll engine serves.
  public var tier: Int {
    guard setupFlags & IORING_SETUP_DEFER_TASKRUN != 0 else { return 2 }
    return features & CURING_FEATURE_BUNDLE != 0 ? 4 : 3
  }

  /// Names of what is in use, for INFO and the log: "defer_taskrun,no_sqarray,multishot_receive".
  public var text: String {
    let facts: [(Bool, String)] = [
      (setupFlags & IORING_SETUP_SINGLE_ISSUER != 0, "single_issuer"),
      (setupFlags & IORING_SETUP_DEFER_TASKRUN != 0, "defer_taskrun"),
      (setupFlags & IORING_SETUP_COOP_TASKRUN != 0, "coop_taskrun"),
      (setupFlags & CURING_SETUP_NO_SQARRAY != 0, "no_sqarray"),
      (multishotAccept, "multishot_accept"),
      (multishotReceive, "multishot_receive"),
      (registeredFiles, "registered_files"),
      (postedWakes, "posted_wakes"),
      (features & IORING_FEAT_CQE_SKIP != 0, "skip_success"),
      (features & CURING_FEATURE_NO_IOWAIT != 0, "no_iowait"),
    ]
    return facts.filter(\.0).map(\.1).joined(separator: ",")
  }

  /// Finds out, by setting up small rings and using them. Takes a few milliseconds, and seconds only where
  /// something hangs.
  public static func probe(_ options: RingOptions = RingOptions()) throws(RingError) -> UringCapabilities {
    var trial = RingOptions.small
    trial.registeredFilesMax = options.registeredFilesMax > 0 ? 1024 : 0
    trial.allowsDeferredTaskRun = options.allowsDeferredTaskRun
    var queues = try unsafe UringSetup.open(trial, flagSets: UringSetup.flagSets(options))
    var found = unsafe UringCapabilities(setupFlags: queues.setup_flags, features: queues.features)
    let operations = unsafe curing_supported_operations(queues.descriptor)
    unsafe curing_close(&queues)

    try UringSetup.require(found.features, operations: operations)
    found.multishotReceive = options.allowsMultishot
    // Kernels 6.6 and 6.7 gave descriptors that did not exist.
    let version = Machine.kernelVersion
    found.multishotAccept = options.allowsMultishot && !(version.major == 6 && (6...7).contains(version.minor))
    found.postedWakes = options.allowsPostedWakes
    found.registeredFiles = options.registeredFilesMax > 0
    return try UringSelfTest.run(found, trial)
  }
}
