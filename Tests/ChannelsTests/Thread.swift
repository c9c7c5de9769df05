// Thread.swift: a thread that runs one closure, for tests that need a second one.
import Glibc

final class Thread {
  private final class Body {
    let run: @Sendable () -> Void
    init(_ run: @escaping @Sendable () -> Void) { self.run = run }
  }

  private var handle = pthread_t()

  init(_ body: @escaping @Sendable () -> Void) throws {
    let box = Unmanaged.passRetained(Body(body))
    let code = pthread_create(&handle, nil, { argument in
      Unmanaged<Body>.fromOpaque(argument!).takeRetainedValue().run()
      return nil
    }, box.toOpaque())
    guard code == 0 else {
      box.release()
      throw POSIXFailure(code: code)
    }
  }

  func join() { pthread_join(handle, nil) }

  struct POSIXFailure: Error { let code: Int32 }
}
