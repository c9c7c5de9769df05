// Part.swift — a part of a large record, in memory of its own.
//
//   Server ─┬─ configuration ─▶ [ … ]
//           ├─ appendLog ─────▶ [ … ]        one word each in the record
//           └─ snapshots ─────▶ [ … ]
//
// The record stays small: what is asked on every request lies together, and whoever compiles a function that touches one
// field need not look through all the others. Owned by the record, and reached like a field of it.

@safe struct Part<Value: ~Copyable>: ~Copyable {
  let memory: UnsafeMutablePointer<Value>

  init(_ value: consuming Value) {
    memory = .allocate(capacity: 1)
    memory.initialize(to: value)
  }

  deinit {
    memory.deinitialize(count: 1)
    memory.deallocate()
  }
}
