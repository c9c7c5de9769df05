// swift-tools-version: 6.2
// One target per folder of Sources. The arrows are in ARCHITECTURE.md; a target
// may import what stands in its dependency list and nothing else.
import PackageDescription

/// Unsafe code is marked where it stands: a missing `unsafe` is a warning.
let memorySafety: [SwiftSetting] = [.strictMemorySafety()]

/// A sanitizer brings an allocator of its own, and jemalloc beside it would take half of its work. A manifest cannot
/// see `--sanitize`: whoever gives that option sets MARTLET_SANITIZED too (Tests/run-all does).
let jemalloc: [LinkerSetting] = Context.environment["MARTLET_SANITIZED"] == nil ? [.linkedLibrary("jemalloc")] : []

let package = Package(
  name: "martlet",
  products: [
    .executable(name: "martlet-server", targets: ["martlet-server"]),
    .executable(name: "martlet-bench", targets: ["martlet-bench"]),
    .executable(name: "martlet-check", targets: ["martlet-check"]),
  ],
  targets: [
    // C shims: constants and inline functions, no decisions.
    .target(name: "CAllocator", linkerSettings: jemalloc),
    .target(name: "CHash"),
    .target(name: "CPrefetch"),
    .target(name: "CURing"),
    .target(name: "CDecimal"),
    .target(name: "CStack"),
    .target(name: "CLua", linkerSettings: [.linkedLibrary("luajit-5.1")]),
    .systemLibrary(name: "CLZF"),
    .systemLibrary(name: "CISAL"),

    .target(name: "Bytes", dependencies: ["CAllocator", "CHash"], swiftSettings: memorySafety),
    .target(name: "Ring", dependencies: ["Bytes", "CURing"], swiftSettings: memorySafety),
    .target(name: "Wire", dependencies: ["Bytes", "CAllocator"], swiftSettings: memorySafety),
    .target(name: "Store", dependencies: ["Bytes", "CAllocator", "CHash", "CPrefetch"], swiftSettings: memorySafety),
    .target(name: "Stacks", dependencies: ["CStack"], swiftSettings: memorySafety),
    .target(name: "Commands", dependencies: ["Store", "Wire", "Bytes", "Stacks", "CAllocator", "CDecimal"]),
    .target(
      name: "Persistence", dependencies: ["Store", "Wire", "Bytes", "CAllocator", "CLZF", "CISAL"],
      swiftSettings: memorySafety),
    .target(name: "Scripting", dependencies: ["Commands", "CLua", "Bytes"]),
    .target(name: "Configuration", dependencies: []),
    .target(name: "Channels", dependencies: [], swiftSettings: memorySafety),
    .target(
      name: "Server",
      dependencies: [
        "Ring", "Channels", "Commands", "Scripting", "Persistence", "Configuration", "Store", "Stacks", "Wire", "Bytes",
      ]),

    .executableTarget(name: "martlet-server", dependencies: ["Server", "Configuration", "Ring"], path: "Sources/Main"),
    .executableTarget(
      name: "martlet-check", dependencies: ["Persistence", "Ring", "Bytes"], path: "Sources/Check",
      swiftSettings: memorySafety),
    .executableTarget(name: "martlet-bench", dependencies: ["Ring", "Bytes"], path: "Sources/Bench"),
    .executableTarget(name: "measure-channels", dependencies: ["Channels"], path: "perf/channels"),

    // Real and simulated peers, for every test that has connections.
    .target(name: "TestClients", dependencies: ["Ring"], path: "Tests/TestClients"),
    .testTarget(name: "BytesTests", dependencies: ["Bytes"]),
    .testTarget(name: "RingTests", dependencies: ["Ring", "Bytes", "CURing", "TestClients"]),
    .testTarget(name: "ChannelsTests", dependencies: ["Channels"]),
    .testTarget(name: "StacksTests", dependencies: ["Stacks"]),
    .testTarget(name: "WireTests", dependencies: ["Wire", "Bytes"]),
    .testTarget(name: "StoreTests", dependencies: ["Store", "Bytes", "CAllocator", "CHash"]),
    .testTarget(name: "CommandsTests", dependencies: ["Commands", "Store", "Stacks", "Wire", "Bytes", "CHash"], exclude: ["Fixtures"]),
    .testTarget(
      name: "PersistenceTests",
      dependencies: ["Persistence", "Commands", "Store", "Wire", "Bytes", "CAllocator", "CHash"]),
    .testTarget(name: "ScriptingTests", dependencies: ["Scripting", "CLua", "Bytes"]),
    .testTarget(name: "CheckTests", dependencies: ["martlet-check", "Persistence", "Bytes"]),
    .testTarget(name: "ConfigurationTests", dependencies: ["Configuration"]),
    .testTarget(name: "BenchTests", dependencies: ["martlet-bench"]),
    .testTarget(
      name: "ServerTests",
      dependencies: ["Server", "Ring", "Commands", "Configuration", "Bytes", "Wire", "Store", "CHash", "TestClients"]),
  ],
  swiftLanguageModes: [.v6],
  cLanguageStandard: .gnu17
)
