// Streams+Groups.swift — XGROUP and XACK.
import Bytes
import Store
import Wire

extension Streams {
  /// The options behind XGROUP CREATE's and SETID's identifier.
  private struct GroupOptions {
    var makesStream = false
    /// Nil: unknown.
    var entriesRead: Int64?
  }

  /// Answers the error and nil.
  private static func groupOptions(_ execution: inout Execution, creates: Bool) -> GroupOptions? {
    var options = GroupOptions()
    var index = 5
    while index < execution.arguments.count {
      let word = execution.arguments[index]
      if creates && word.equalsIgnoringCase("mkstream") {
        options.makesStream = true
        index += 1
      } else if word.equalsIgnoringCase("entriesread") && index + 1 < execution.arguments.count {
        guard let given = execution.integer(index + 1) else { return nil }
        guard given >= -1 else {
          execution.reply.error("ERR value for ENTRIESREAD must be positive or -1")
          return nil
        }
        options.entriesRead = given < 0 ? nil : given
        index += 2
      } else {
        execution.reply.beginError()
        execution.reply.part("ERR unknown subcommand or wrong number of arguments for '")
        execution.reply.part(execution.arguments[1].prefix(128))
        execution.reply.part("'. Try XGROUP HELP.")
        execution.reply.end()
        return nil
      }
    }
    return options
  }

  /// The stream that an XGROUP subcommand is about. Answers the error and nil.
  private static func groupStream(_ execution: inout Execution) -> Location? {
    switch execution.find(execution.arguments[2], as: .stream) {
    case .refused: return nil
    case .found(let location): return location
    case .absent:
      execution.reply.error(
        """
        ERR The XGROUP subcommand requires the key to exist. Note that for CREATE you may want to use the MKSTREAM \
        option to create an empty stream automatically.
        """)
      return nil
    }
  }

  /// Answers the error and false if the group is not there.
  private static func hasGroup(_ execution: inout Execution, _ location: Location) -> Bool {
    guard location.entry.stream?.findGroup(execution.arguments[3]) == nil else { return true }
    execution.reply.beginError()
    execution.reply.part("NOGROUP No such consumer group '")
    execution.reply.part(execution.arguments[3])
    execution.reply.part("' for key name '")
    execution.reply.part(execution.arguments[2])
    execution.reply.part("'")
    execution.reply.end()
    return false
  }

  /// The identifier that word 4 is; `$` is the stream's last. Answers the error and nil.
  private static func groupID(_ execution: inout Execution, _ location: Location?) -> StreamID? {
    guard execution.arguments[4] == ByteView("$") else { return execution.streamID(4) }
    return location?.entry.stream?.lastID ?? .zero
  }

  static func createGroup(_ execution: inout Execution) {
    guard let options = groupOptions(&execution, creates: true) else { return }
    let key = execution.arguments[2]
    let name = execution.arguments[3]
    let hash = execution.hash(of: key)
    var location = execution.find(key, hash)
    if let location { guard location.entry.type == .stream else { return execution.refuseType() } }
    if location == nil && !options.makesStream {
      _ = groupStream(&execution)
      return
    }
    guard let id = groupID(&execution, location) else { return }
    if location == nil {
      location = execution.database.pointee.insertStream(key, hash)
      execution.changed(key: key)
      execution.note(.new, "new", key)
    }
    guard let location else { return }
    guard location.entry.stream?.findGroup(name) == nil else {
      return execution.reply.error("BUSYGROUP Consumer Group name already exists")
    }
    execution.database.pointee.changeStream(location) {
      _ = $0.makeGroup(name, lastID: id, entriesRead: options.entriesRead)
    }
    execution.changed()
    execution.note(.stream, "xgroup-create", key)
    execution.reply.ok()
  }

  static func setGroupID(_ execution: inout Execution) {
    guard let options = groupOptions(&execution, creates: false) else { return }
    guard let location = groupStream(&execution), hasGroup(&execution, location) else { return }
    // Here, and not where a group is made, both ends have their signs.
    let word = execution.arguments[4]
    let end: StreamID? = word == ByteView("-") ? .zero : word == ByteView("+") ? .greatest : nil
    guard let id = end ?? groupID(&execution, location) else { return }
    let name = execution.arguments[3]
    execution.database.pointee.changeStream(location) { stream in
      guard let group = stream.findGroup(name) else { return }
      group.lastID = id
      group.entriesRead = options.entriesRead
    }
    execution.changed()
    execution.note(.stream, "xgroup-setid", execution.arguments[2])
    execution.reply.ok()
  }

  static func destroyGroup(_ execution: inout Execution) {
    guard let location = groupStream(&execution) else { return }
    let name = execution.arguments[3]
    guard location.entry.stream?.findGroup(name) != nil else { return execution.reply.integer(0) }
    let (database, graveyard) = (execution.database, execution.graveyard)
    database.pointee.removeGroup(location, name, into: &graveyard.pointee)
    execution.changed()
    execution.note(.stream, "xgroup-destroy", execution.arguments[2])
    execution.reply.integer(1)
  }

  static func createConsumer(_ execution: inout Execution) {
    guard let location = groupStream(&execution), hasGroup(&execution, location) else { return }
    let (groupName, name) = (execution.arguments[3], execution.arguments[4])
    let now = execution.nowMilliseconds
    let isNew = execution.database.pointee.changeStream(location) { stream in
      guard let group = stream.findGroup(groupName) else { return false }
      return stream.makeConsumer(name, in: group, now: now) != nil
    }
    if isNew {
      execution.changed()
      execution.note(.stream, "xgroup-createconsumer", execution.arguments[2])
    }
    execution.reply.integer(isNew ? 1 : 0)
  }

  static func deleteConsumer(_ execution: inout Execution) {
    guard let location = groupStream(&execution), hasGroup(&execution, location) else { return }
    let (groupName, name) = (execution.arguments[3], execution.arguments[4])
    let pending = execution.database.pointee.changeStream(location) { stream -> Int? in
      guard let group = stream.findGroup(groupName), let consumer = group.findConsumer(name) else { return nil }
      let count = consumer.pendingCount
      stream.remove(consumer, of: group)
      return count
    }
    if pending != nil {
      execution.changed()
      execution.note(.stream, "xgroup-delconsumer", execution.arguments[2])
    }
    execution.reply.integer(pending ?? 0)
  }

  static func groupHelp(_ execution: inout Execution) {
    execution.reply.help(
      "XGROUP",
      [
        "CREATE <key> <groupname> <id|$> [option]", "    Makes a group that has read up to <id>. Options are:",
        "    * MKSTREAM", "      Makes the stream if it is not there.",
        "    * ENTRIESREAD entries_read", "      How many entries the group has read; for the computation of its lag.",
        "CREATECONSUMER <key> <groupname> <consumer>", "    Makes a consumer of a group.",
        "DELCONSUMER <key> <groupname> <consumer>", "    Removes a consumer and what it has pending.",
        "DESTROY <key> <groupname>", "    Removes a group.",
        "SETID <key> <groupname> <id|$> [ENTRIESREAD entries_read]", "    Sets how far a group has read.",
      ])
  }

  static func acknowledge(_ execution: inout Execution) {
    let key = execution.arguments[1]
    let groupName = execution.arguments[2]
    guard case .found(let location) = find(&execution, key) else { return }
    guard location.entry.stream?.findGroup(groupName) != nil else { return execution.reply.integer(0) }
    guard execution.areStreamIDs(from: 3) else { return }
    let arguments = execution.arguments
    let count = execution.database.pointee.changeStream(location) { stream in
      guard let group = stream.findGroup(groupName) else { return 0 }
      var count = 0
      for index in 3..<arguments.count {
        if let id = StreamID(arguments[index]), stream.acknowledge(id, in: group) { count += 1 }
      }
      return count
    }
    if count > 0 { execution.changed(count) }
    execution.reply.integer(count)
  }
}
