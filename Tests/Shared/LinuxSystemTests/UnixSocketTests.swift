import Foundation
import Glibc
import LinuxSystem
import TestFixtures
import Testing

/// Tests of descriptors that are passed over a socket.
@Suite(.serialized) struct UnixSocketTests {
  /// Sends one byte and the same descriptor several times, as a hostile client could.
  private func send(_ descriptor: Int32, times count: Int, over socket: Int32) throws {
    // struct cmsghdr of 64-bit Linux: length, level and type, followed by the descriptors.
    var control = withUnsafeBytes(of: UInt(16 + 4 * count), Array.init)
    for word in [SOL_SOCKET, 1] { control += withUnsafeBytes(of: Int32(word), Array.init) }
    for _ in 0..<count { control += withUnsafeBytes(of: descriptor, Array.init) }
    control += [UInt8](repeating: 0, count: (8 - control.count % 8) % 8)
    var byte = UInt8(ascii: "x")
    let sent = control.withUnsafeMutableBytes { control in
      withUnsafeMutablePointer(to: &byte) { byte in
        var part = iovec(iov_base: byte, iov_len: 1)
        return withUnsafeMutablePointer(to: &part) { part in
          var message = msghdr()
          (message.msg_iov, message.msg_iovlen) = (part, 1)
          (message.msg_control, message.msg_controllen) = (control.baseAddress, control.count)
          return sendmsg(socket, &message, 0)
        }
      }
    }
    #expect(sent == 1)
  }

  /// Counts the open descriptors of a file in this process, as other tests open other files at the same time.
  private func timesOpen(_ path: String) -> Int {
    let folder = "/proc/self/fd"
    let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
    return names.filter { (try? FileManager.default.destinationOfSymbolicLink(atPath: "\(folder)/\($0)")) == path }
      .count
  }

  @Test func `of several descriptors that come at once one is taken and the others are closed`() throws {
    let (one, other) = try UnixSocket.pair()
    let folder = try TemporaryFolder()
    let path = URL(fileURLWithPath: folder.path).resolvingSymlinksInPath().path + "/passed"
    let file = try Descriptor(opening: path, O_RDWR | O_CREAT)
    for count in [1, 2, 3, 253] {
      try send(file.number, times: count, over: one.number)
      let received = try UnixSocket.receive(atMost: 100, from: other)
      #expect(received.bytes == [UInt8(ascii: "x")] && received.passed != nil)
      #expect(timesOpen(path) == 2, "\(count) at once")
    }
    #expect(timesOpen(path) == 1)
  }
}
