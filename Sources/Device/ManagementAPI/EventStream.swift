/// Sends events to a client as they happen (server-sent events, HTML Standard, section 9.2).
public struct EventStream: Sendable {
  private let write: @Sendable ([UInt8]) throws -> Void

  /// - Parameter write: Sends bytes, and waits until they are written.
  init(write: @escaping @Sendable ([UInt8]) throws -> Void) {
    self.write = write
  }

  /// Sends an event.
  ///
  /// - Throws: An error if the client has closed the connection.
  public func send(_ value: some Encodable, as name: String) throws {
    try write(Array("event: \(name)\ndata: ".utf8) + APIText.bytes(of: value) + Array("\n\n".utf8))
  }

  /// Sends an empty comment, so that each side notices if the other one is gone.
  public func keepAlive() throws {
    try write(Array(":\n\n".utf8))
  }
}
