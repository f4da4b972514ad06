/// Events that go to a client as they happen (Server-sent events, HTML Standard, section 9.2).
public struct EventStream: Sendable {
  private let write: @Sendable ([UInt8]) throws -> Void

  /// - Parameter write: Sends bytes, and waits until they are on their way.
  init(write: @escaping @Sendable ([UInt8]) throws -> Void) {
    self.write = write
  }

  /// Sends an event.
  ///
  /// - Throws: where nobody listens any more.
  public func send(_ value: some Encodable, as name: String) throws {
    try write(Array("event: \(name)\ndata: ".utf8) + APIText.bytes(of: value) + Array("\n\n".utf8))
  }

  /// Sends a line that says nothing, so that both sides notice when the other one is gone.
  public func keepAlive() throws {
    try write(Array(":\n\n".utf8))
  }
}
