// Clock.swift — what a thread, or a released value, knows to have happened: a time for each of up to four threads.
//
// Written out: tests are built without optimization, where a vector type takes a hundred times as long.

extension Explorer {
  struct Clock {
    private var times: (UInt32, UInt32, UInt32, UInt32) = (0, 0, 0, 0)

    subscript(_ thread: Int) -> UInt32 {
      get {
        switch thread {
        case 0: times.0
        case 1: times.1
        case 2: times.2
        default: times.3
        }
      }
      set {
        switch thread {
        case 0: times.0 = newValue
        case 1: times.1 = newValue
        case 2: times.2 = newValue
        default: times.3 = newValue
        }
      }
    }

    mutating func join(_ other: Clock) {
      if other.times.0 > times.0 { times.0 = other.times.0 }
      if other.times.1 > times.1 { times.1 = other.times.1 }
      if other.times.2 > times.2 { times.2 = other.times.2 }
      if other.times.3 > times.3 { times.3 = other.times.3 }
    }

    /// Nothing in it is news to `other`.
    func isKnown(to other: Clock) -> Bool {
      times.0 <= other.times.0 && times.1 <= other.times.1 && times.2 <= other.times.2 && times.3 <= other.times.3
    }
  }
}
