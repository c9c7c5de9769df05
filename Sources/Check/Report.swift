// Report.swift — what was found, for people and for scripts.
//
//   <path>: <what it is and holds>
//     <a remark, a damage, what was done>
//
// Scripts look at the exit code: 0 all is well or was repaired, 1 something is damaged, 2 wrong usage.
import Ring

struct Report {
  private(set) var isDamaged = false

  /// What a file is.
  mutating func say(_ path: String, _ text: String) { write("\(path): \(text)\n") }

  /// Something worth knowing.
  mutating func note(_ text: String) { write("  note: \(text)\n") }

  /// Something is wrong and stays wrong.
  mutating func damage(_ text: String) {
    isDamaged = true
    write("  DAMAGED: \(text)\n")
  }

  /// Something was wrong.
  mutating func repaired(_ text: String) { write("  repaired: \(text)\n") }

  private func write(_ text: String) { try? File.appendText(text, to: "") }
}

/// "1 key", "2 keys".
func counted(_ count: some BinaryInteger, _ noun: String) -> String { "\(count) \(noun)\(count == 1 ? "" : "s")" }
