import Testing

@testable import Server

/// Lists of processors as taskset takes them, and texts that are none.
@Suite struct ProcessorListTests {
  @Test(arguments: [
    ("", []), ("0", [0]), ("0-3", [0, 1, 2, 3]), ("0-3,8", [0, 1, 2, 3, 8]), ("1-9:4", [1, 5, 9]), ("5,1", [5, 1]),
  ])
  func lists(text: String, numbers: [Int]) { #expect(ProcessorList(text)?.numbers == numbers) }

  @Test(arguments: ["a", "-1", "3-1", "1-", "1--2", "0-3:0", "0-3:1:1", "4096", "0-99999999999999999999", "1 2"])
  func others(text: String) { #expect(ProcessorList(text) == nil) }
}
