// Proves when small lists and sets are called listpack: by directive, or because somebody has used a name for
// their limits that Redis 7.0 does not have.
import Testing

@testable import Configuration

@Suite struct EncodingNamesTests {
  private func reported(_ configuration: Configuration) -> [Bool] {
    [configuration.reportsListpackLists, configuration.reportsListpackSets]
  }

  @Test func redis70UnlessToldOtherwise() throws {
    #expect(try reported(load("")) == [false, false])
    #expect(try reported(load("list-max-ziplist-size 5\nset-max-intset-entries 5")) == [false, false])
    #expect(try reported(load("list-max-listpack-size -2\nencoding-names 7.0")) == [false, false])
  }

  @Test func newNamesAreTold() throws {
    #expect(try reported(load("list-max-listpack-size -2")) == [true, false])
    #expect(try reported(load("SET-MAX-LISTPACK-ENTRIES 128")) == [false, true])
    #expect(try reported(load("", options: ["--set-max-listpack-value", "64"])) == [false, true])
    #expect(try reported(load("", environment: [("MARTLET_LIST_MAX_LISTPACK_SIZE", "-1")])) == [true, false])
    #expect(try reported(load("encoding-names 7.2")) == [true, true])
  }

  @Test func settingThemCounts() throws {
    var configuration = Configuration()
    #expect(configuration.set("list-max-ziplist-size", "1") == "OK")
    #expect(configuration.set("list-max-listpack-size", "x") != "OK")
    #expect(reported(configuration) == [false, false])
    #expect(configuration.set([("list-max-listpack-size", "1"), ("set-max-listpack-entries", "5")]) == "OK")
    #expect(reported(configuration) == [true, true])
    // Whoever knows the new name knows the old one, too.
    #expect(configuration.set("list-max-ziplist-size", "1") == "OK")
    #expect(reported(configuration) == [true, true])
    #expect(configuration.set("encoding-names", "7.0") == "OK")
    #expect(reported(configuration) == [false, false])
    #expect(configuration.set("encoding-names", "7.1").contains("one of the following: auto, 7.0, 7.2"))
  }
}
