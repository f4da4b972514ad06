import Foundation
import Glibc

/// A web server on the loopback address that answers from a script, correctly or not.
public final class ScriptedServer: @unchecked Sendable {
  /// A received request.
  public struct Request: Sendable {
    public var target: String
    /// Fields by their names in lower case.
    public var fields: [String: String]

    public init(target: String, fields: [String: String]) { (self.target, self.fields) = (target, fields) }

    /// The requested range of bytes.
    public var range: Range<Int> {
      let ends = fields["range", default: ""].dropFirst("bytes=".count).split(separator: "-").compactMap { Int($0) }
      return ends.count == 2 ? ends[0]..<ends[1] + 1 : 0..<0
    }
  }

  /// One action of the server.
  public enum Step: Sendable {
    case send([UInt8])
    case pause(Double)
    case close

    public static func text(_ text: String) -> Step { .send(Array(text.utf8)) }
  }

  /// Returns the actions for a request and its number, which counts from 0.
  public typealias Script = @Sendable (Request, Int) -> [Step]

  /// The port of the server.
  public let port: UInt16
  private let listener: Int32
  private let script: Script
  private let lock = NSLock()
  private var noted: [Request] = []
  private var accepted = 0

  /// The requests so far.
  public var requests: [Request] { lock.withLock { noted } }
  /// The number of connections so far.
  public var connections: Int { lock.withLock { accepted } }
  /// The URL of the file.
  public var url: String { "http://127.0.0.1:\(port)/bundle" }

  public init(_ script: @escaping Script) {
    self.script = script
    let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    withUnsafeMutablePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        _ = bind(listener, $0, length)
        _ = listen(listener, 16)
        _ = getsockname(listener, $0, &length)
      }
    }
    (self.listener, port) = (listener, UInt16(bigEndian: address.sin_port))
    Thread.detachNewThread { [weak self] in
      while case let connection = accept(listener, nil, nil), connection >= 0 {
        Thread.detachNewThread { [weak self] in
          defer { close(connection) }
          self?.lock.withLock { self?.accepted += 1 }
          while let request = Self.request(connection), let self, self.answer(request, connection) {}
        }
      }
    }
  }

  deinit {
    shutdown(listener, Int32(SHUT_RDWR))
    close(listener)
  }

  private static func request(_ connection: Int32) -> Request? {
    var bytes: [UInt8] = []
    while !bytes.suffix(4).elementsEqual(Array("\r\n\r\n".utf8)) {
      var byte: UInt8 = 0
      guard recv(connection, &byte, 1, 0) == 1 else { return nil }
      bytes.append(byte)
    }
    let lines = String(decoding: bytes, as: UTF8.self).components(separatedBy: "\r\n")
    let words = lines[0].split(separator: " ")
    var fields: [String: String] = [:]
    for line in lines.dropFirst() where !line.isEmpty {
      let parts = line.split(separator: ":", maxSplits: 1).map { $0.trimmingCharacters(in: .whitespaces) }
      fields[parts[0].lowercased()] = parts.count > 1 ? parts[1] : ""
    }
    return Request(target: words.count > 1 ? String(words[1]) : "", fields: fields)
  }

  /// - Returns: True if the connection stays open.
  private func answer(_ request: Request, _ connection: Int32) -> Bool {
    let number = lock.withLock {
      noted.append(request)
      return noted.count - 1
    }
    for step in script(request, number) {
      switch step {
      case .send(let bytes):
        var rest = bytes[...]
        while !rest.isEmpty {
          let count = rest.withUnsafeBytes { send(connection, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
          guard count > 0 else { return false }
          rest = rest.dropFirst(count)
        }
      case .pause(let seconds): usleep(UInt32(seconds * 1_000_000))
      case .close: return false
      }
    }
    return true
  }
}
