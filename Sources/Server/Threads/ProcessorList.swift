// ProcessorList.swift — processors in the form of taskset: `0-3,8` or `0-10:2`.

struct ProcessorList: Equatable {
  /// In the order in which they were given; empty for an empty text.
  private(set) var numbers: [Int] = []

  /// Nil if the text is not a list.
  init?(_ text: String) {
    for part in text.split(separator: ",") {
      let stepped = part.split(separator: ":", omittingEmptySubsequences: false)
      guard let range = stepped.first, stepped.count <= 2 else { return nil }
      let ends = range.split(separator: "-", omittingEmptySubsequences: false).map { Int($0) }
      guard ends.count <= 2, let first = ends.first ?? nil, let last = ends.last ?? nil else { return nil }
      let step = stepped.count == 2 ? Int(stepped[1]) : 1
      guard let step, step > 0, first >= 0, last >= first, last < Self.numbersMax else { return nil }
      numbers += Array(stride(from: first, through: last, by: step))
    }
  }

  private static var numbersMax: Int { 4_096 }
}
