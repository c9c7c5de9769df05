// SideStack.swift — a stack of its own for work that may have to pause in the middle.
//
//   ┌────────────┬───────────────────────────────────────────────┬──────┐
//   │ guard page │                    ◀─ grows downwards  frames │ room │
//   └────────────┴───────────────────────────────────────────────┴──────┘
//                ▲ 256 KiB, taken from the system page by page as they are touched
//
// Its body runs when somebody enters it, and stops in the middle of whatever it does when it leaves; the next enter
// goes on there. One thread, no scheduler: an enter is a call that comes back at the next leave. The body is a loop that
// leaves after each piece of work, so one stack serves any number of them. The room at its top is for what a piece of
// work needs from beginning to end.
import CStack

@safe public struct SideStack: ~Copyable {
  /// Bytes of frames and room.
  public static var bytes: Int { 256 << 10 }
  /// Bytes of the room.
  public static var roomBytes: Int { 2 << 10 }

  private let stack: UnsafeMutablePointer<martlet_stack>
  private let low: UnsafeMutableRawPointer
  /// Where the room begins, `roomBytes` of it.
  public let room: UnsafeMutableRawPointer

  /// A stack that calls `body` with `argument` when it is first entered. The body never returns. Nil if there is no
  /// memory for it.
  public init?(_ argument: UnsafeMutableRawPointer, _ body: @convention(c) (UnsafeMutableRawPointer?) -> Void) {
    guard let low = unsafe martlet_stack_map(Self.bytes) else { return nil }
    unsafe self.low = low
    unsafe room = low + (Self.bytes - Self.roomBytes)
    unsafe stack = .allocate(capacity: 1)
    unsafe martlet_stack_prepare(stack, low, Self.bytes - Self.roomBytes, body, argument)
  }

  /// Whatever the body's frames own is lost: let it come to an end of its work before.
  deinit {
    unsafe martlet_stack_forget(stack)
    unsafe stack.deallocate()
    unsafe martlet_stack_unmap(low, Self.bytes)
  }

  public func enter() { door.enter() }

  /// The way in and out, for those that have not the stack itself.
  public var door: StackDoor { unsafe StackDoor(stack: stack) }

  /// Whether the address is one of this stack's frames.
  public func holds(_ address: UnsafeRawPointer) -> Bool { unsafe address >= UnsafeRawPointer(low) && address < UnsafeRawPointer(room) }
}

/// The way into a stack and out of it. Good as long as the stack is there.
@safe public struct StackDoor: BitwiseCopyable {
  fileprivate let stack: UnsafeMutablePointer<martlet_stack>

  /// Runs the body until it leaves. Always on the same thread, and not from the stack itself.
  public func enter() { unsafe martlet_stack_enter(stack) }

  /// On the stack: back to who entered it. Returns with the next enter.
  public func leave() { unsafe martlet_stack_leave(stack) }
}
