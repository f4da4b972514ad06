import Bundle
import HTTPClient
import BundleDownload
import DeviceModel
import Foundation
import Glibc
import Hashing
import TestFixtures
import Testing

/// Tests with a real server, nginx, without and with TLS. OpenSSL makes the certificates.
@Suite("Bundles from nginx")
struct RealServerTests {
  private let file = ServedFile(500_000)

  private func read(_ url: String, _ trust: ServerTrust) throws -> [UInt8] {
    var patience = DownloadOptions.Patience()
    patience.attempts = 2
    let source = HTTPBundleSource(
      try WebAddress(url), DownloadOptions(trust: trust, patience: patience, pause: { _ in }))
    let head = try source.read(1000, at: 0, upTo: 1000, part: "head")
    return head + (try source.read(200_000, at: 300_000, upTo: 500_000, part: "frames"))
  }

  private var expected: [UInt8] { Array(file.bytes[..<1000] + file.bytes[300_000...]) }

  @Test("Ranges are read without and with TLS, from a name, an address, and with a pinned certificate")
  func trusted() async throws {
    try await withTemporaryFolder { folder in
      let server = try WebServer(in: folder, serving: file.bytes)
      let authorities = ServerTrust.authorities(file: folder.path + "/ca.crt")
      #expect(try read("http://localhost:\(server.clear)/bundle", authorities) == expected)
      #expect(try read("https://localhost:\(server.secure)/bundle", authorities) == expected)
      #expect(try read("https://127.0.0.1:\(server.secure)/bundle", authorities) == expected)
      #expect(
        try read("https://127.0.0.2:\(server.secure)/bundle", .certificate(server.fingerprint)) == expected
      )
      // A redirect from HTTP to HTTPS may be followed.
      #expect(try read("http://localhost:\(server.clear)/secure", authorities) == expected)
    }
  }

  @Test("A server without a valid certificate gets no request, and no second attempt")
  func untrusted() async throws {
    try await withTemporaryFolder { folder in
      let server = try WebServer(in: folder, serving: file.bytes)
      let authorities = ServerTrust.authorities(file: folder.path + "/ca.crt")
      let cases: [(String, ServerTrust, String)] = [
        (
          "localhost", .authorities(file: ServerTrust.systemFile),
          "its certificate is not trusted, or not valid at this time"
        ),
        ("127.0.0.2", authorities, "its certificate is for another name"),
        (
          "localhost", .certificate(try #require(Digest([UInt8](repeating: 0, count: 32)))),
          "its certificate does not have the given SHA-256"
        ),
      ]
      for (host, trust, reason) in cases {
        #expect(throws: DownloadFailure.untrusted(host: host, reason: reason)) {
          try read("https://\(host):\(server.secure)/bundle", trust)
        }
      }
      #expect(throws: DownloadFailure.certificates(path: "/none", reason: "No such file or directory")) {
        try read("https://localhost:\(server.secure)/bundle", .authorities(file: "/none"))
      }
      #expect(try folder.text("access").isEmpty)
    }
  }

  @Test("A redirect from HTTPS to HTTP is refused")
  func noDowngrade() async throws {
    try await withTemporaryFolder { folder in
      let server = try WebServer(in: folder, serving: file.bytes)
      #expect {
        try read("https://localhost:\(server.secure)/clear", .authorities(file: folder.path + "/ca.crt"))
      } throws: { "\($0)".hasSuffix("the new address is not encrypted") }
    }
  }

  @Test("A file that is replaced between two ranges is noticed")
  func replaced() async throws {
    try await withTemporaryFolder { folder in
      let server = try WebServer(in: folder, serving: file.bytes)
      let source = HTTPBundleSource(try WebAddress("http://127.0.0.1:\(server.clear)/bundle"))
      _ = try source.read(10, at: 0, upTo: 10, part: "head")
      try folder.writing(ServedFile(500_001, seed: 2).bytes, to: "site/bundle")
      #expect(throws: DownloadFailure.changed(address: "http://127.0.0.1:\(server.clear)/bundle")) {
        try source.read(10, at: 100_000, upTo: 100_010, part: "frames")
      }
    }
  }
}

/// nginx on the loopback address. It stops when this object is released.
private final class WebServer {
  /// Ports without and with TLS.
  let clear = UInt16.random(in: 20_000...24_999)
  let secure = UInt16.random(in: 25_000...29_999)
  /// SHA-256 of the certificate.
  let fingerprint: Digest
  private let running: Running

  init(in folder: URL, serving bytes: [UInt8]) throws {
    try folder.writing(bytes, to: "site/bundle")
    let openssl = try Judge("openssl")
    for arguments in [
      "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=ca -keyout ca.key -out ca.crt",
      "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=web -CA ca.crt -CAkey ca.key"
        + " -addext subjectAltName=DNS:localhost,IP:127.0.0.1 -addext basicConstraints=critical,CA:false -keyout web.key -out web.crt",
      "x509 -in web.crt -outform DER -out web.der",
    ] {
      let verdict = try openssl.run(arguments.split(separator: " ").map(String.init), in: folder)
      try #require(verdict.status == 0, "\(verdict.errors)")
    }
    let digest = try Judge("sha256sum").run(["web.der"], in: folder).output.prefix(64)
    fingerprint = try #require(Digest(fingerprint: String(digest)))
    try folder.writing(
      """
      daemon off; pid \(folder.path)/pid; error_log \(folder.path)/error; user root;
      events {}
      http {
        access_log \(folder.path)/access;
        root \(folder.path)/site;
        server {
          listen 127.0.0.1:\(clear); listen [::1]:\(clear);
          location = /secure { return 302 https://localhost:\(secure)/bundle; }
        }
        server {
          listen 127.0.0.1:\(secure) ssl; listen 127.0.0.2:\(secure) ssl; listen [::1]:\(secure) ssl;
          ssl_certificate \(folder.path)/web.crt; ssl_certificate_key \(folder.path)/web.key;
          location = /clear { return 302 http://localhost:\(clear)/bundle; }
        }
      }
      """, to: "nginx.conf")
    running = try Running(
      URL(fileURLWithPath: "/usr/sbin/nginx"), ["-c", folder.path + "/nginx.conf", "-e", folder.path + "/error"])
    for _ in 0..<100 where !FileManager.default.fileExists(atPath: folder.path + "/pid") { usleep(50_000) }
  }

  deinit {
    // Waits for the end of its workers as well.
    kill(running.id, SIGTERM)
    _ = try? running.wait()
  }
}
