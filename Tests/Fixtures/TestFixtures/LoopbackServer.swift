import Foundation
import Glibc

/// An HTTP server on the loopback address for a folder, which notes what it is asked for, and can be made to fall silent.
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
  /// The folder that is served.
  public let site: URL
  /// URL of the folder.
  public let url: String

  /// Starts a server; it ends with this object.
  ///
  /// - Parameter folder: An empty folder for what is served, and the server's own files.
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
    // A request to end may be blocked in what the test was started from.
    kill(process.processIdentifier, SIGKILL)
    process.waitUntilExit()
  }

  /// Paths that were asked for and answered, in their order.
  public func requests() throws -> [String] { try folder.text("requests").split(separator: "\n").map(String.init) }

  /// Forgets what was asked for, and answers again.
  ///
  /// - Parameter limit: Requests that are answered from now on; all where `nil`.
  public func restart(answering limit: Int? = nil) throws {
    try folder.writing("", to: "requests")
    try folder.writing(limit.map(String.init) ?? "", to: "limit")
  }
}
