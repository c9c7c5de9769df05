// LogDirectoryTests.swift — a crash between any two steps leaves one whole set of files.
import Bytes
import Testing

@testable import Persistence

/// Bases and increments are made, replaced and removed on a simulated disk where names and bytes become durable
/// separately; every prefix of every list of steps is a crash, and each crash may keep any part of what is pending.
struct LogDirectoryTests {
  @Test func everyPrefixOfEverything() {
    var world = FileWorld()
    world.begin()
    world.append(3)
    world.rewrite()
    world.rewrite()
    world.rescue(unsaved: 2)
    world.rewrite()
    #expect(world.failures == [])
    #expect(world.saved == 3 + 4 + 4 + 4 + 4)
    #expect(world.crashes > 200)
    // What is not needed any more is gone.
    #expect(world.disk.names.count == 1 + world.log.manifest.files.count)
    #expect(world.log.manifest.history.isEmpty)
  }

  /// The first base over data that came from a snapshot: the hidden increment and the base appear together.
  @Test func enabledOverData() {
    var world = FileWorld()
    let isHidden = world.run(world.log.stepsForHiddenIncrement(), [.nothing])
    #expect(isHidden)
    world.log.stepsFailed()
    world.writeBase(5)
    let steps = world.log.stepsForNewBase(temporary: "temp", isSnapshot: true, includesHidden: true)
    let isInstalled = world.run(steps, [.nothing, .records([1, 2, 3, 4, 5])])
    #expect(isInstalled)
    world.saved = 5
    world.current = world.log.currentPath
    world.check([world.whole], "enabled")
    world.append(3)
    #expect(world.failures == [])
  }

  /// Any step fails, and everything goes on: the files on disk stay whole and later attempts succeed.
  @Test(arguments: 0..<8, 0..<3) func aStepFails(step: Int, part: Int) {
    var world = FileWorld()
    world.begin()
    world.append(2)
    world.rewrite(failingAt: (part, step))
    world.append(1)
    world.rewrite()
    world.rewrite(failingAt: (part, step))
    world.rewrite()
    #expect(world.failures == [])
    #expect(world.log.manifest.increments.count == 1)
  }

  @Test(arguments: 0..<6, 0..<2) func aStepOfARescueFails(step: Int, part: Int) {
    var world = FileWorld()
    world.begin()
    world.append(2)
    world.rescue(unsaved: 0, failingAt: (part, step))
    world.rescue(unsaved: 1)
    world.rewrite()
    #expect(world.failures == [])
  }

  /// Sixty histories at random, with failing steps and with crashes after which the next start goes on.
  @Test func anyHistory() {
    var crashes = 0
    for seed in UInt64(1)...60 {
      var dice = Dice(independent: seed)
      var world = FileWorld()
      world.begin()
      for _ in 0..<8 {
        let failing = dice.below(3) == 0 ? (part: dice.below(3), step: dice.below(8)) : nil
        switch dice.below(5) {
        case 0: world.append(1 + dice.below(3))
        case 1, 2: world.rewrite(failingAt: failing)
        case 3: world.rescue(unsaved: failing == nil ? dice.below(3) : 0, failingAt: failing)
        default: world.crash(&dice)
        }
      }
      #expect(world.failures == [], "seed \(seed)")
      crashes += world.crashes
    }
    #expect(crashes > 5_000)
  }

  // MARK: planted faults

  /// Whether the world notices that steps were changed by `plant`.
  private func isCaught(
    writesStayVolatile: Bool = false, isBaseSynced: Bool = true, _ plant: @escaping ([FileStep]) -> [FileStep] = { $0 }
  ) -> Bool {
    var world = FileWorld()
    world.begin()
    world.append(2)
    world.plant = plant
    world.disk.writesStayVolatile = writesStayVolatile
    world.rewrite(isBaseSynced: isBaseSynced)
    return !world.failures.isEmpty
  }

  @Test func theUnchangedStepsAreNotCaught() { #expect(!isCaught()) }

  /// Each sync of the directory in a new increment, and the first one in a new base, is needed by itself. The second
  /// one of a base is made good by the first one of the removal, which comes before anything is removed.
  @Test(arguments: [(0, "incr"), (1, "incr"), (0, "base")]) func aDirectoryIsNotSynced(index: Int, part: String) {
    let isCaught = isCaught { steps in
        let isPart = steps.contains {
          switch $0 {
          case .create(let path): part == "incr" && path.contains(part)
          case .rename(_, let path): part == "base" && path.contains(part)
          default: false
          }
        }
        let syncs = steps.indices.filter { steps[$0] == .syncDirectory("log") }
        guard isPart, index < syncs.count else { return steps }
        var changed = steps
        changed.remove(at: syncs[index])
        return changed
      }
    #expect(isCaught)
  }

  @Test func renamedBeforeSynced() {
    #expect(isCaught(writesStayVolatile: true))
    #expect(isCaught(isBaseSynced: false))
  }

  /// The manifest names files before they are there.
  @Test func manifestFirst() {
    let isCaught = isCaught { steps in steps.count > 3 ? Array(steps.suffix(3) + steps.dropLast(3)) : steps }
    #expect(isCaught)
  }

  @Test func theFirstFilesNeedBothSyncs() {
    for index in 0..<2 {
      var world = FileWorld()
      world.plant = { steps in
        var changed = steps
        changed.remove(at: steps.indices.filter { steps[$0] == .syncDirectory("log") }[index])
        return changed
      }
      world.begin()
      world.append(1)
      #expect(!world.failures.isEmpty)
    }
  }

  // MARK: the old log of one file

  /// An upgrade keeps the old file until it is the base: a crash leaves the one or the other to be found.
  @Test func upgrade() {
    var world = FileWorld()
    world.disk = SimulatedDirectory(["old.aof": FileWorld.base(upTo: 4)])
    let steps = world.log.stepsForUpgrade(from: "old.aof")
    var broken: [String] = []
    func look(_ world: FileWorld, _ place: String) {
      for image in world.disk.images() {
        let found = FileWorld.recover(image, world.log)
        // No manifest: the next start upgrades again, if the old file is where it was.
        if found == .nothing && image["old.aof"] != nil { continue }
        // The manifest came first: the next start must look for the old file where it was.
        if case .broken = found, image["old.aof"] == FileWorld.base(upTo: 4) { continue }
        if found != .records([1, 2, 3, 4]) { broken.append("\(place): \(found)") }
      }
    }
    for step in steps {
      look(world, "before \(step)")
      let isDone = world.disk.perform(step)
      #expect(isDone)
    }
    world.log.stepsDone()
    look(world, "at the end")
    #expect(broken == [])
    #expect(FileWorld.recover(world.disk.images()[0], world.log) == .records([1, 2, 3, 4]))
    // And then it takes records like any other.
    world.saved = 4
    let whole = world.whole
    let isMade = world.run(world.log.stepsForNextIncrement(), [whole])
    #expect(isMade)
    world.current = world.log.currentPath
    world.append(2)
    world.rewrite()
    #expect(world.failures == [])
    #expect(!world.disk.names.keys.contains("log/old.aof"))
  }

  /// The names of files are those of redis-server.
  @Test func names() {
    var log = LogDirectory(path: "dir", prefix: "appendonly.aof")
    #expect(log.manifestPath == "dir/appendonly.aof.manifest")
    #expect(log.currentPath == nil)
    #expect(log.nextIncrementPath == "dir/appendonly.aof.1.incr.aof")
    _ = log.stepsForFirstFiles(base: [], isSnapshot: true)
    log.stepsDone()
    #expect(log.manifest.base?.name == "appendonly.aof.1.base.rdb")
    #expect(log.currentPath == "dir/appendonly.aof.1.incr.aof")
    _ = log.stepsForNewBase(temporary: "t", isSnapshot: false, includesHidden: false)
    log.stepsDone()
    #expect(log.manifest.base == .init(name: "appendonly.aof.2.base.aof", sequence: 2))
    #expect(log.manifest.history.map(\.name) == ["appendonly.aof.1.base.rdb"])
    // A number that an attempt has used is not used again.
    _ = log.stepsForNextIncrement()
    log.stepsFailed()
    #expect(log.nextIncrementPath == "dir/appendonly.aof.3.incr.aof")
    #expect(log.currentPath == "dir/appendonly.aof.1.incr.aof")
  }
}
