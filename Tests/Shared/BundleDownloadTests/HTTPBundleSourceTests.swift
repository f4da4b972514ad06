import Bundle
import HTTPClient
import BundleDownload
import BundleMaking
import Foundation
import TestFixtures
import Testing

@Suite("Bundles from web servers")
struct HTTPBundleSourceTests {
  @Test("Ranges are requested in order over one connection, and the head comes with the first range")
  func ranges() throws {
    let file = ServedFile(300_000)
    let server = ScriptedServer { request, _ in file.answer(request) }
    let source = try Fetch.source(server)
    #expect(try source.read(32, at: 0, upTo: 32, part: "head") == Array(file.bytes[..<32]))
    #expect(try source.read(2000, at: 32, upTo: 2032, part: "manifest") == Array(file.bytes[32..<2032]))
    #expect(server.requests.map(\.range) == [0..<16384])
    // Beyond the data received so far, and then after a gap.
    #expect(try source.read(40_000, at: 2032, upTo: 150_000, part: "frames") == Array(file.bytes[2032..<42_032]))
    #expect(try source.read(10_000, at: 280_000, upTo: 290_000, part: "frames") == Array(file.bytes[280_000..<290_000]))
    #expect(server.requests.map(\.range) == [0..<16384, 16384..<150_000, 280_000..<290_000])
    #expect(server.requests.dropFirst().allSatisfy { $0.fields["if-range"] == "\"one\"" })
    #expect(source.requests == 3)
  }

  @Test("A small gap needs no new connection")
  func smallGap() throws {
    let file = ServedFile(300_000)
    let server = ScriptedServer { request, _ in file.answer(request) }
    let source = try Fetch.source(server)
    _ = try source.read(32, at: 0, upTo: 32, part: "head")
    _ = try source.read(100, at: 20_000, upTo: 30_000, part: "frames")
    _ = try source.read(100, at: 250_000, upTo: 250_100, part: "frames")
    #expect(server.requests.map(\.range) == [0..<16384, 20_000..<30_000, 250_000..<250_100])
    #expect(server.connections == 1)
  }

  @Test("A server without range requests is read from start to end, once")
  func noRanges() throws {
    let file = ServedFile(300_000)
    let server = ScriptedServer { _, _ in file.whole() }
    let source = try Fetch.source(server)
    #expect(try source.read(32, at: 0, upTo: 32, part: "head") == Array(file.bytes[..<32]))
    #expect(try source.read(500, at: 200_000, upTo: 200_500, part: "frames") == Array(file.bytes[200_000..<200_500]))
    #expect(server.requests.count == 1)
    #expect(throws: BundleFailure.truncated(part: "frames")) {
      try source.read(2, at: 299_999, upTo: 300_001, part: "frames")
    }
  }

  @Test("An answer of unknown length, chunked or until the connection closes, is read", arguments: [true, false])
  func unknownLength(isChunked: Bool) throws {
    let file = ServedFile(50_000)
    let server = ScriptedServer { _, _ in
      guard isChunked else { return [.text("HTTP/1.0 200 OK\r\n\r\n"), .send(file.bytes), .close] }
      return [.text("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")]
        + stride(from: 0, to: 50_000, by: 5000).flatMap { start in
          [.text("1388\r\n"), .send(Array(file.bytes[start..<start + 5000])), .text("\r\n")] as [ScriptedServer.Step]
        } + [.text("0\r\n\r\n")]
    }
    let source = try Fetch.source(server)
    #expect(try source.read(50_000, at: 0, upTo: 50_000, part: "head") == file.bytes)
    #expect(throws: BundleFailure.truncated(part: "frames")) {
      try source.read(1, at: 50_000, upTo: 50_001, part: "frames")
    }
  }

  @Test("A file that ends too early is detected by its length, or by an unavailable range")
  func truncated() throws {
    let file = ServedFile(20_000)
    let server = ScriptedServer { request, _ in file.answer(request) }
    #expect(throws: BundleFailure.truncated(part: "frames")) {
      try Fetch.source(server).read(100, at: 19_950, upTo: 30_000, part: "frames")
    }
    #expect(throws: BundleFailure.truncated(part: "frames")) {
      try Fetch.source(server).read(100, at: 20_000, upTo: 30_000, part: "frames")
    }
  }

  @Test("Redirects are followed and remembered")
  func redirects() throws {
    let file = ServedFile(100_000)
    let server = ScriptedServer { request, _ in
      switch request.target {
      case "/bundle": [.text("HTTP/1.1 302 Found\r\nLocation: ../a/./b/../next?x=1\r\nContent-Length: 3\r\n\r\nsee")]
      case "/a/next?x=1": [.text("HTTP/1.1 308 Permanent Redirect\r\nLocation: /c\r\nContent-Length: 0\r\n\r\n")]
      default: file.answer(request)
      }
    }
    let source = try Fetch.source(server)
    #expect(try source.read(50_000, at: 0, upTo: 50_000, part: "head") == Array(file.bytes[..<50_000]))
    _ = try source.read(50_000, at: 50_000, upTo: 100_000, part: "frames")
    #expect(server.requests.map(\.target) == ["/bundle", "/a/next?x=1", "/c", "/c"])
    #expect(server.connections == 1)
  }

  @Test("Credentials are sent only to the origin that they are for")
  func credentials() throws {
    let file = ServedFile(1000)
    let other = ScriptedServer { request, _ in file.answer(request) }
    let port = other.port
    for host in ["127.0.0.1:\(port)", "localhost:\(port)"] {
      let server = ScriptedServer { request, number in
        // First back to itself: the same origin.
        number == 0
          ? [.text("HTTP/1.1 301 Moved\r\nLocation: /again\r\nContent-Length: 0\r\n\r\n")]
          : [.text("HTTP/1.1 307 Moved\r\nLocation: http://\(host)/bundle\r\nContent-Length: 0\r\n\r\n")]
      }
      let source = HTTPBundleSource(
        try WebAddress(server.url), DownloadOptions(authorization: "Bearer secret"))
      _ = try source.read(10, at: 0, upTo: 10, part: "head")
      #expect(server.requests.map { $0.fields["authorization"] } == ["Bearer secret", "Bearer secret"])
      #expect(server.requests.allSatisfy { $0.fields["host"] == "127.0.0.1:\(server.port)" })
    }
    #expect(other.requests.count == 2 && other.requests.allSatisfy { $0.fields["authorization"] == nil })
  }

  @Test("A server may close a connection between two answers")
  func closedBetween() throws {
    let file = ServedFile(100_000)
    let server = ScriptedServer { request, _ in file.answer(request) + [.close] }
    let source = try Fetch.source(server, pause: { _ in Issue.record("nothing was in the way") })
    _ = try source.read(10, at: 0, upTo: 10, part: "head")
    usleep(50_000)
    #expect(try source.read(10, at: 90_000, upTo: 90_010, part: "frames") == Array(file.bytes[90_000..<90_010]))
  }

  @Test("A bundle is installed from a server that disconnects after each 100 kB, and little is fetched twice")
  func installation() throws {
    let file = ServedFile(2_000_000)
    let server = ScriptedServer { request, _ in
      let range = request.range.clamped(to: 0..<file.bytes.count)
      return [.text(file.head(range)), .send(Array(file.bytes[range].prefix(100_000)))]
        + (range.count > 100_000 ? [.close] : [])
    }
    let source = try Fetch.source(server)
    var read: [UInt8] = []
    while read.count < 2_000_000 {
      read += try source.read(50_000, at: UInt64(read.count), upTo: 2_000_000, part: "frames")
    }
    #expect(read == file.bytes)
    #expect(source.fetched == 2_000_000)
  }
}

@Suite("Installations from web servers")
struct WebInstallationTests {
  /// An image in memory.
  private final class Slot: BlockStorage {
    var bytes: [UInt8]
    var size: UInt64 { UInt64(bytes.count) }
    init(_ bytes: [UInt8]) { self.bytes = bytes }
    func read(into memory: UnsafeMutableRawBufferPointer, at offset: UInt64) {
      memory.copyBytes(from: bytes[Int(offset)..<Int(offset) + memory.count])
    }
    func write(_ new: [UInt8], at offset: UInt64) {
      bytes.replaceSubrange(Int(offset)..<Int(offset) + new.count, with: new)
    }
    func synchronise() {}

    func readBack(into memory: UnsafeMutableRawBufferPointer, at offset: UInt64) throws {
      read(into: memory, at: offset)
    }
  }

  @Test("A device with another old image fetches only the missing pieces and the head")
  func pieces() async throws {
    let old = ServedFile(4_000_000).bytes
    var new = old
    for place in [100, 900_000, 901_000, 2_500_000, 3_999_999] { new[place] &+= 1 }
    let bundle = try await withTemporaryFolder { folder in
      let (image, file) = (folder.appending(path: "new"), folder.appending(path: "bundle"))
      try Data(new).write(to: image)
      try await BundleMaker(wholeLevel: 1).make(
        BundleManifest(product: "p", devices: ["d"], version: "1", created: 0), of: [.init(name: "root", file: image)],
        to: file)
      return try Array(Data(contentsOf: file))
    }
    var file = ServedFile(0)
    file.bytes = bundle
    let server = ScriptedServer { [file] request, _ in file.answer(request) }
    let (source, slot) = (try Fetch.source(server), Slot([UInt8](repeating: 0, count: new.count)))
    let signed = try SignedBundle(BundleHead(from: source)) { _, _ in }
    let progress = try BundleInstaller(
      CheckedBundle(signed, from: source, bases: ["root": Slot(old)]), targets: ["root": slot]
    ).run()
    #expect(slot.bytes == new)
    // Four pieces of 16 KiB, and the heads of their segments.
    #expect(progress.fetched < 90_000)
    #expect(source.fetched <= progress.fetched + 16_384)
    #expect(server.connections == 1)
    #expect(source.requests < 12)
  }
}

/// Helpers shared by these tests.
enum Fetch {
  static func source(
    _ server: ScriptedServer, patience: DownloadOptions.Patience = .init(),
    pause: @escaping @Sendable (Double) -> Void = { _ in }
  ) throws -> HTTPBundleSource {
    HTTPBundleSource(try WebAddress(server.url), DownloadOptions(patience: patience, pause: pause, chance: { 1 }))
  }
}
