// SideStack.swift — a stack of its own for work that may have to pause in the middle.
//
//   ┌────────────┬───────────────────────────────────────────────┬──────┐
//   │ guard page │                    ◀─ grows downwards  frames │ room │
//   └────────────┴───────────────────────────────────────────────┴──────┘
//                ▲ 1 MiB unless asked otherwise, taken from the system page by page as they are touched: LZF has half
//                  of one in a frame
//
// A body begins on it, stops in the middle of whatever it does when it leaves, and goes on there when it is continued.
// One thread, no scheduler: `begin` and `goOn` are calls that come back when the body leaves or returns. A stack serves one
// body after the other. The room at its top is for what a body needs from beginning to end.
import CStack

@safe public struct SideStack: ~Copyable {
  /// Bytes of frames and room, if nobody says otherwise.
  public static var bytes: Int { 1 << 20 }
  /// Bytes of the room.
  public static var roomBytes: Int { 2 << 10 }

  private let stack: UnsafeMutablePointer<martlet_stack>
  private let low: UnsafeMutableRawPointer
  private let bytes: Int
  /// Where the room begins, `roomBytes` of it.
  public let room: UnsafeMutableRawPointer

  /// Nil if there is no memory for it. `bytes`: a multiple of the page.
  public init?(bytes: Int = SideStack.bytes) {
    guard let low = unsafe martlet_stack_map(bytes) else { return nil }
    self.bytes = bytes
    unsafe self.low = low
    unsafe room = low + (bytes - Self.roomBytes)
    unsafe stack = .allocate(capacity: 1)
    unsafe martlet_stack_prepare(stack, low, bytes - Self.roomBytes)
  }

  /// Whatever the frames of a body own that has not returned is lost: let it come to its end before.
  deinit {
    unsafe martlet_stack_forget(stack)
    unsafe stack.deallocate()
    unsafe martlet_stack_unmap(low, bytes)
  }

  /// The way in and out, for those that have not the stack itself.
  public var door: StackDoor { unsafe StackDoor(stack: stack) }

  /// Whether the address is one of this stack's frames.
  public func holds(_ address: UnsafeRawPointer) -> Bool { unsafe address >= UnsafeRawPointer(low) && address < UnsafeRawPointer(room) }
}

/// The way into a stack and out of it. Good as long as the stack is there.
@safe public struct StackDoor: BitwiseCopyable {
  fileprivate let stack: UnsafeMutablePointer<martlet_stack>

  /// Runs `body` until it leaves or returns; whether it has returned. The last body has. Not on the stack itself.
  @inline(__always)
  public func begin(
    _ argument: UnsafeMutableRawPointer, _ body: @convention(c) (UnsafeMutableRawPointer?) -> Void
  ) -> Bool {
    unsafe martlet_stack_begin(stack, body, argument) != 0
  }

  /// Lets the body that has left go on until it leaves again or returns; whether it has returned. Always on the
  /// same thread.
  public func goOn() -> Bool { unsafe martlet_stack_continue(stack) != 0 }

  /// On the stack: back to who entered it. Returns with the next `goOn`.
  public func leave() { unsafe martlet_stack_leave(stack) }
}
