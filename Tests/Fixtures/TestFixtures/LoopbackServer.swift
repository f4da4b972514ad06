import Foundation
import Glibc

/// An HTTP server for a folder on the loopback address. It records the requests, and can be told to stop answering.
public final class LoopbackServer: Sendable {
  private static let program = """
    import http.server, os, threading
    lock = threading.Lock()
    class Handler(http.server.SimpleHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        def do_GET(self):
            with lock:
                asked = open("../requests").read().splitlines()
                limit = open("../limit").read()
                isSilent = limit != "" and len(asked) >= int(limit)
                if not isSilent:
                    with open("../requests", "a") as file: file.write(self.path + "\\n")
            if isSilent: self.close_connection = True
            else: super().do_GET()
        def log_message(self, *arguments): pass
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    with open("../port.new", "w") as file: file.write(str(server.server_port))
    os.rename("../port.new", "../port")
    server.serve_forever()
    """

  private let process = Process()
  private let folder: URL
  public let site: URL
  /// The URL of the folder.
  public let url: String

  /// Starts a server. It stops when this object is released.
  ///
  /// - Parameter folder: An empty folder for the site and the server's own files.
  public init(in folder: URL) throws {
    self.folder = folder
    site = folder.appending(path: "site")
    try FileManager.default.createDirectory(at: site, withIntermediateDirectories: true)
    try folder.writing("", to: "requests")
    try folder.writing("", to: "limit")
    process.executableURL = URL(fileURLWithPath: "/usr/bin/python3")
    process.arguments = ["-c", Self.program]
    process.currentDirectoryURL = site
    try process.run()
    let port = folder.appending(path: "port").path
    for _ in 0..<200 where !FileManager.default.fileExists(atPath: port) { usleep(50_000) }
    url = "http://127.0.0.1:\(try folder.text("port"))"
  }

  deinit {
    // SIGTERM may be blocked by the process that started the tests.
    kill(process.processIdentifier, SIGKILL)
    process.waitUntilExit()
  }

  /// Paths of the answered requests, in order.
  public func requests() throws -> [String] { try folder.text("requests").split(separator: "\n").map(String.init) }

  /// Clears the recorded requests, and answers again.
  ///
  /// - Parameter limit: Maximum number of requests to answer from now on; `nil` for no limit.
  public func restart(answering limit: Int? = nil) throws {
    try folder.writing("", to: "requests")
    try folder.writing(limit.map(String.init) ?? "", to: "limit")
  }
}
