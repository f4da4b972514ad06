import Glibc
import class LinuxSystem.Descriptor
import enum LinuxSystem.UnixSocket
import NIOCore
import NIOPosix

/// Passes the body of a request to a reader through a socket. Stops reading from the client while the reader does not
/// keep up.
final class BodyStream {
  /// Number of bytes in transit at which reading from the client stops.
  private static let mostOutstanding = 256 << 10

  private let isReady: EventLoopFuture<any Channel>
  private let eventLoop: any EventLoop
  private var outstanding = 0
  private let resume: () -> Void

  /// - Parameter resume: Called when there is room again.
  /// - Returns: The stream, and the socket from which the body is read.
  static func make(
    on eventLoop: any EventLoop, resume: @escaping () -> Void
  ) throws -> (stream: BodyStream, reading: Descriptor) {
    let (reading, writing) = try UnixSocket.pair()
    let number = writing.duplicate()
    let isReady = NIOPipeBootstrap(group: eventLoop).takingOwnershipOfDescriptor(output: number)
    isReady.whenFailure { _ in close(number) }
    return (BodyStream(isReady, on: eventLoop, resume: resume), reading)
  }

  private init(_ isReady: EventLoopFuture<any Channel>, on eventLoop: any EventLoop, resume: @escaping () -> Void) {
    self.isReady = isReady
    self.eventLoop = eventLoop
    self.resume = resume
  }

  /// True if more may be read from the client.
  var hasRoom: Bool { outstanding < Self.mostOutstanding }

  /// Passes a part on. If the reader is gone, the part is dropped; the answer gives the reason.
  func write(_ part: ByteBuffer) {
    let count = part.readableBytes
    outstanding += count
    let stream = NIOLoopBound(self, eventLoop: eventLoop)
    isReady.flatMap { $0.writeAndFlush(part) }.whenComplete { _ in
      let hadRoom = stream.value.hasRoom
      stream.value.outstanding -= count
      if !hadRoom, stream.value.hasRoom { stream.value.resume() }
    }
  }

  /// Ends the body once all parts are passed on.
  func end() {
    isReady.whenSuccess { channel in
      // An empty write completes after all earlier writes.
      channel.writeAndFlush(ByteBuffer()).whenComplete { _ in channel.close(promise: nil) }
    }
  }
}
