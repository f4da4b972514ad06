import Glibc
import class LinuxSystem.Descriptor
import enum LinuxSystem.UnixSocket
import NIOCore
import NIOPosix

/// The body of a request on its way to whoever reads it from a socket, a part at a time: what is not taken there is not read here.
final class BodyStream {
  /// Bytes on their way at which no more is read from the client.
  private static let mostOutstanding = 256 << 10

  private let isReady: EventLoopFuture<any Channel>
  private let eventLoop: any EventLoop
  private var outstanding = 0
  private let resume: () -> Void

  /// Makes a stream.
  ///
  /// - Parameter resume: Is called when there is room again.
  /// - Returns: The stream, and the end that the body is read from.
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

  /// Whether more may be read from the client.
  var hasRoom: Bool { outstanding < Self.mostOutstanding }

  /// Sends a part on. Where the reader is gone it is dropped: the answer says why.
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

  /// Says that there is no more, once all is sent on.
  func end() {
    isReady.whenSuccess { channel in
      // Behind what is still to be written.
      channel.writeAndFlush(ByteBuffer()).whenComplete { _ in channel.close(promise: nil) }
    }
  }
}
