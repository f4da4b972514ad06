import Foundation
import TestFixtures
import Testing

/// An HTTP proxy on the loopback address. It connects to one port of this machine, whatever server it is asked for, and
/// records the requests.
final class LoopbackProxy {
  private static let program = """
    import os, socket, sys, threading
    target, wanted = int(sys.argv[1]), sys.argv[2]
    def relay(source, sink):
        try:
            while part := source.recv(65536): sink.sendall(part)
            sink.shutdown(socket.SHUT_WR)
        except OSError: pass
    def serve(client):
        head = b""
        while not head.endswith(b"\\r\\n\\r\\n"):
            byte = client.recv(1)
            if not byte: return
            head += byte
        lines = head.decode().split("\\r\\n")
        given = [line.split(": ", 1)[1] for line in lines if line.lower().startswith("proxy-authorization: ")]
        with open("proxied", "a") as file: file.write(lines[0] + "\\n")
        if wanted and given != [wanted]:
            client.sendall(b"HTTP/1.1 407 Who are you\\r\\nContent-Length: 0\\r\\n\\r\\n")
            return client.close()
        server = socket.create_connection(("127.0.0.1", target))
        method, url, version = lines[0].split(" ")
        if method == "CONNECT": client.sendall(b"HTTP/1.1 200 Go\\r\\nX: y\\r\\n\\r\\n")
        else: server.sendall(" ".join([method, "/" + url.split("/", 3)[3], version]).encode() + head[head.index(b"\\r\\n"):])
        threading.Thread(target=relay, args=(client, server), daemon=True).start()
        relay(server, client)
    listener = socket.create_server(("127.0.0.1", 0))
    with open("port.new", "w") as file: file.write(str(listener.getsockname()[1]))
    os.rename("port.new", "port")
    while True: threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()
    """

  private let folder: TemporaryFolder
  let port: Int
  private let process = Process()

  /// Starts a proxy. It stops when this object is released.
  ///
  /// - Parameters:
  ///   - target: The port to connect to.
  ///   - authorization: Value of `Proxy-Authorization` to require; empty for none.
  init(to target: Int, requiring authorization: String = "") throws {
    folder = try TemporaryFolder()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/python3")
    process.arguments = ["-c", Self.program, "\(target)", authorization]
    process.currentDirectoryURL = URL(fileURLWithPath: folder.path)
    try process.run()
    let file = folder.path + "/port"
    for _ in 0..<200 where !FileManager.default.fileExists(atPath: file) { usleep(50_000) }
    port = try #require(Int(try String(contentsOfFile: file, encoding: .utf8)))
  }

  deinit {
    kill(process.processIdentifier, SIGKILL)
    process.waitUntilExit()
  }

  /// The first lines of the requests.
  func requests() throws -> [String] {
    try String(contentsOfFile: folder.path + "/proxied", encoding: .utf8).split(separator: "\n").map(String.init)
  }
}
