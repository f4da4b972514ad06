/// The files of a new appliance.
enum ApplianceTemplate {
  /// `cultivar.yaml`.
  static func projectFile(name: String) -> String {
    """
    # yaml-language-server: $schema=.cultivar/schema/cultivar.schema.json
    cultivar: 1
    name: \(name)
    version: 0.1.0

    # An appliance: a kernel, Cultivar's init, and your programs. Its root file system is read-only. A program stores
    # its data in its home folder ($HOME), which is on the data partition. /tmp is in memory.
    images:
      \(name):
        device: generic-x86_64
        layout: appliance-ab
        programs:
          - swift: { package: ./hello, product: hello }
            env: { PORT: "8080" }
            waitFor: [network]
        # The console accepts commands. For development only: remove this line before you deliver a device.
        console: { commands: true }

    """
  }

  /// `README.md`.
  static func readme(name: String) -> String {
    """
    # \(name)

    An appliance made by Cultivar: a kernel, Cultivar's init, and the program in `hello`, a web server on port 8080.

        cultivar check          # all problems of cultivar.yaml at once
        cultivar build          # makes the image
        cultivar run            # boots it in QEMU
        cultivar add FOLDER     # adds another program

    The first line of `cultivar.yaml` names a schema, which editors use to complete and check the file. The schema is
    not in version control; `cultivar schema --output .cultivar/schema` writes it again. The first build writes
    `cultivar.lock`, which pins the inputs of the next build. Keep it in version control.

    """
  }

  /// `.gitignore`.
  static let ignoredFiles = """
    .build/
    .cultivar/
    /build/
    # Private keys, and tokens of devices.
    *.key
    *.token

    """

  /// `hello/Package.swift`.
  static let packageManifest = """
    // swift-tools-version: 6.0
    import PackageDescription

    let package = Package(
      name: "hello",
      products: [.executable(name: "hello", targets: ["hello"])],
      targets: [.executableTarget(name: "hello")],
      swiftLanguageModes: [.v6]
    )

    """

  /// `hello/Sources/hello/main.swift`: an HTTP server that uses only the C library.
  static let program = #"""
    import Glibc

    // A web server in one file. It answers every request with the host name.

    /// Returns the result of a system call. Ends the program if the call failed.
    func check(_ result: Int32, _ action: String) -> Int32 {
      guard result >= 0 else {
        perror("hello: cannot \(action)")
        exit(1)
      }
      return result
    }

    /// Opens a TCP port on every address, IPv4 and IPv6.
    func listen(on port: UInt16) -> Int32 {
      let listener = check(socket(AF_INET6, Int32(SOCK_STREAM.rawValue), 0), "open a socket")
      // Allow a restart while the kernel still holds old connections.
      var yes: Int32 = 1
      _ = check(setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, 4), "set up the socket")
      var address = sockaddr_in6()
      address.sin6_family = sa_family_t(AF_INET6)
      address.sin6_port = port.bigEndian
      let bound = withUnsafeBytes(of: &address) { bytes in
        bind(listener, bytes.assumingMemoryBound(to: sockaddr.self).baseAddress, socklen_t(bytes.count))
      }
      _ = check(bound, "bind to port \(port)")
      _ = check(Glibc.listen(listener, 64), "listen on port \(port)")
      return listener
    }

    /// Reads the first part of a request and answers it.
    func answer(_ connection: Int32, with page: String) {
      // A client that sends nothing must not block the others.
      var patience = timeval(tv_sec: 2, tv_usec: 0)
      setsockopt(connection, SOL_SOCKET, SO_RCVTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
      var request = [UInt8](repeating: 0, count: 4096)
      guard recv(connection, &request, request.count, 0) > 0 else { return }
      let response = """
        HTTP/1.1 200 OK\r
        Content-Type: text/plain; charset=utf-8\r
        Content-Length: \(page.utf8.count)\r
        Connection: close\r
        \r
        \(page)
        """
      // One small page fits into the socket's buffer, so that one call sends all of it.
      send(connection, response, response.utf8.count, Int32(MSG_NOSIGNAL))
    }

    /// The name of the machine.
    func hostName() -> String {
      var name = [CChar](repeating: 0, count: 65)
      gethostname(&name, name.count - 1)
      return String(decoding: name.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    }

    let port = getenv("PORT").flatMap { UInt16(String(cString: $0)) } ?? 8080
    let listener = listen(on: port)
    print("listening on port \(port)")
    fflush(nil)
    while true {
      let connection = accept(listener, nil, nil)
      guard connection >= 0 else { continue }
      answer(connection, with: "Hello from \(hostName())\n")
      close(connection)
    }

    """#
}
