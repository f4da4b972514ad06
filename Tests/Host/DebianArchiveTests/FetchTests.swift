import Foundation
import Glibc
import Hashing
import HostSystem
import Lock
import TestFixtures
import Testing

@testable import DebianArchive

@Suite("Fetching archives")
struct FetchTests {
  /// A server for a folder on the loopback address. It records each request, and truncates `cut.deb` until there is a
  /// file `whole`.
  private static let server = """
    import http.server, os, sys
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            name = os.path.basename(self.path)
            with open("log", "a") as log: log.write(name + "\\n")
            data = open(name, "rb").read()
            self.send_response(200)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            if name == "cut.deb" and not os.path.exists("whole"):
                self.wfile.write(data[:100000])
                self.close_connection = True
            else:
                self.wfile.write(data)
        def log_message(self, *arguments): pass
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    with open("port.new", "w") as file: file.write(str(server.server_port))
    os.rename("port.new", "port")
    server.serve_forever()
    """

  @Test("Data fetched before the network fails is kept, and the next build fetches only the rest")
  func lostNetwork() async throws {
    try await withTemporaryFolder { folder in
      let site = folder.appending(path: "site")
      var packages: [DebianPackage] = []
      for (index, name) in ["cut", "a", "b", "c", "d"].enumerated() {
        let bytes = (0..<200_000).map { UInt8(truncatingIfNeeded: $0 &* (index + 3)) }
        try site.writing(bytes, to: "\(name).deb")
        packages.append(
          DebianPackage(
            name: name, version: "1", architecture: "all", archive: .main, path: "pool/\(name).deb", size: 200_000,
            sha256: Digest(of: bytes)))
      }
      let python = try #require(["/usr/bin/python3"].first(where: FileManager.default.isExecutableFile))
      let server = Process()
      server.executableURL = URL(fileURLWithPath: python)
      server.arguments = ["-c", Self.server]
      server.currentDirectoryURL = site
      try server.run()
      defer {
        // SIGTERM may be blocked by the process that started the tests.
        kill(server.processIdentifier, SIGKILL)
        server.waitUntilExit()
      }
      for _ in 0..<200 where !FileManager.default.fileExists(atPath: site.appending(path: "port").path) {
        try await Task.sleep(for: .milliseconds(50))
      }
      let url = "http://127.0.0.1:\(try site.text("port"))"
      let cache = try Cache(at: folder.appending(path: "cache"))
      let archive = DebianArchive(
        cache: cache, mirror: Mirror(main: url, security: url),
        lock: try ProjectLock(file: folder.appending(path: "cultivar.lock")))

      let failure = await #expect(throws: ArchiveFailure.self) { _ = try await archive.files(of: packages) }

      #expect(failure?.problem.hasPrefix("cannot fetch cut_1_all\n") == true, "\(failure?.problem ?? "")")
      #expect(try FolderTree.names(in: cache.folder.appending(path: "archives").path).count == 4)
      try site.writing("", to: "whole")
      try FileManager.default.removeItem(at: site.appending(path: "log"))
      let files = try await archive.files(of: packages)
      #expect(try files.map { try Digest(ofFile: $0.path) } == packages.map(\.sha256))
      #expect(try Set(site.text("log").split(separator: "\n")) == ["cut.deb"])
    }
  }

  @Test("Without a network two packages are named, the number of the others, the host, and each reason once")
  func noNetwork() {
    let said =
      (1...40).map { "Err:\($0) http://ftp.debian.org/p\($0).deb\n  Could not resolve 'ftp.debian.org'\n" }.joined()
      + (1...40).map { "E: Failed to fetch http://ftp.debian.org/p\($0).deb  Could not resolve 'ftp.debian.org'\n" }
      .joined()
    let failure = ArchiveFailure.notFetched(packages: (1...40).map { "p\($0)_1_all" }, said: said)
    #expect(
      failure.problem == """
        cannot fetch p1_1_all, p2_1_all and 38 more packages: cannot reach ftp.debian.org
          | Could not resolve 'ftp.debian.org'
        """)
    #expect(failure.remedy?.hasPrefix("check the network") == true)
  }

  @Test("Packages are distributed by size, the largest first")
  func batches() {
    let packages = ([1, 9, 4, 4, 2, 8] as [Int64]).enumerated().map { index, size in
      DebianPackage(
        name: "p\(index)", version: "1", architecture: "all", archive: .main, path: "", size: size,
        sha256: Digest(of: "\(index)"))
    }
    #expect(DebianArchive.batches(packages).map { $0.map(\.size) } == [[9], [8, 2], [4, 4, 1]])
    #expect(DebianArchive.batches([packages[0]]).count == 1)
  }
}
