// main.swift — martlet-check: are the files of a server whole, and can a torn end be cut off?
import Ring

let usage = """
  martlet-check [--fix] PATH ...

  Checks snapshots (RDB), logs (AOF), the manifest of a log with all its files, or everything in
  a directory, as Martlet, Redis and Valkey write them. The server must not be running.

    --fix    cuts a torn end off a log, and zeros behind its last record. The file as it was
             stays beside it, as PATH.backup. Nothing else is ever changed.

  Exit code: 0 all is well, or was repaired; 1 something is damaged; 2 wrong usage.

  """

let arguments = Array(CommandLine.arguments.dropFirst())
var repairs = false
var paths: [String] = []
var isOption = true
for argument in arguments {
  if isOption && argument == "--" {
    isOption = false
  } else if isOption && argument == "--fix" {
    repairs = true
  } else if isOption && (argument == "--help" || argument == "-h") {
    try? File.appendText(usage, to: "")
    ProcessFacts.exit(0)
  } else if isOption && argument.hasPrefix("-") {
    ProcessFacts.complain("martlet-check: no option is called \(argument)\n\n\(usage)")
    ProcessFacts.exit(2)
  } else {
    paths.append(argument)
  }
}
guard !paths.isEmpty else {
  ProcessFacts.complain(usage)
  ProcessFacts.exit(2)
}
var check = Check(repairs: repairs, nowMilliseconds: Clock.wallMilliseconds())
for path in paths { check.path(path) }
ProcessFacts.exit(check.report.isDamaged ? 1 : 0)
