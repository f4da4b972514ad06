import Foundation
import Glibc

/// An HTTP server for a folder on the loopback address. It records the requests, and can be told to stop answering.
public final class LoopbackServer: Sendable {
  private static let program = """
    import base64, glob, http.server, os, threading
    lock = threading.Lock()
    class Handler(http.server.SimpleHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        def is_known(self):
            # Who asks with the right password must not have it in any program's arguments.
            if not os.path.exists("../auth"): return True
            auth = open("../auth").read()
            password = auth.split(":", 1)[1].encode()
            for file in glob.glob("/proc/[0-9]*/cmdline"):
                try: words = open(file, "rb").read()
                except OSError: continue
                if password in words:
                    with open("../leaks", "ab") as leaks: leaks.write(words.replace(b"\\0", b" ") + b"\\n")
            return self.headers.get("Authorization") == "Basic " + base64.b64encode(auth.encode()).decode()
        def do_GET(self):
            if not self.is_known():
                self.send_response(401)
                self.send_header("WWW-Authenticate", 'Basic realm="test"')
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
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

  /// Answers from now on only to who brings a password.
  public func require(user: String, password: String) throws {
    try folder.writing("", to: "leaks")
    try folder.writing("\(user):\(password)", to: "auth")
  }

  /// Arguments of the programs that had the password among them while something was fetched.
  public func leaks() throws -> String { try folder.text("leaks") }

  /// Clears the recorded requests, and answers again.
  ///
  /// - Parameter limit: Maximum number of requests to answer from now on; `nil` for no limit.
  public func restart(answering limit: Int? = nil) throws {
    try folder.writing("", to: "requests")
    try folder.writing(limit.map(String.init) ?? "", to: "limit")
  }
}
