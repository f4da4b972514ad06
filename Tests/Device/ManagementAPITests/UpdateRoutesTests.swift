import DeviceFixtures
import DeviceModel
import Foundation
import ManagementAPI
import TestFixtures
import Testing

@Suite struct UpdateRoutesTests {
  private func withDevice(
    _ updater: UpdaterDouble, _ limits: ManagementServer.Limits = .init(),
    _ body: (LoopbackDevice, URL) throws -> Void
  ) throws {
    let folder = try TemporaryFolder()
    let device = try LoopbackDevice(
      in: folder.path, router: .management(updates: UpdateRoutes(socketPath: updater.path)), limits: limits)
    defer {
      device.stop()
      updater.stop()
    }
    try body(device, URL(fileURLWithPath: folder.path))
  }

  /// Writes a file whose bytes vary.
  private func bundle(in folder: URL, bytes: Int) throws -> URL {
    try folder.writing((0..<bytes).map { UInt8(truncatingIfNeeded: $0 &* 31 >> 3) }, to: "test.bundle")
  }

  @Test func `a bundle comes to the updater byte for byte, and its record is the answer`() throws {
    let sizes = [0, 1, 3_000_000]
    for size in sizes {
      let updater = try UpdaterDouble(installing: { updater, bytes, _ in
        .failure(
          reason:
            "\(bytes.count) bytes, \(bytes.enumerated().allSatisfy { $1 == UInt8(truncatingIfNeeded: $0 &* 31 >> 3) })",
          .other)
      })
      try withDevice(updater) { device, folder in
        let file = try bundle(in: folder, bytes: size)
        let answer = try Curl(device, "/v1/update?restart=no&force=1", ["--data-binary", "@\(file.path)"])
        #expect(answer.status == 422)
        #expect(answer.body == "{\"error\":\"\(size) bytes, true\"}")
        #expect(updater.requests == [.install(source: .stream, .init(restart: .no, force: true))])
      }
    }
    let updater = try UpdaterDouble()
    try withDevice(updater) { device, folder in
      let file = try bundle(in: folder, bytes: 200_000)
      // Without a Content-Length: in chunks.
      let answer = try Curl(
        device, "/v1/update", ["-H", "Transfer-Encoding: chunked", "--data-binary", "@\(file.path)"])
      #expect(answer.status == 200)
      #expect(try JSONDecoder().decode(UpdateRecord.self, from: Data(answer.body.utf8)) == updater.record)
      #expect(updater.requests == [.install(source: .stream, .init())])
    }
  }

  @Test func `what the updater does not take is left with the client`() throws {
    let updater = try UpdaterDouble()
    updater.readsBundles = false
    updater.answersAfter = .seconds(2)
    try withDevice(updater) { device, folder in
      let file = try bundle(in: folder, bytes: 1)
      try FileHandle(forWritingTo: file).truncate(atOffset: 500 << 20)
      // curl can send only as much as fits into the sockets and the server's buffer before the answer, not the whole
      // file.
      let answer = try Curl(
        device, "/v1/update", ["-T", file.path, "-X", "POST", "--write-out", "%{size_upload}\n%{http_code}"])
      let sent = try #require(answer.body.split(separator: "}").last.flatMap { Int($0) })
      #expect(answer.status == 200)
      #expect(sent < 32 << 20, "\(sent) bytes were taken")
    }
  }

  @Test func `an updater that refuses early is heard at once, whatever is still to come`() throws {
    let updater = try UpdaterDouble(installing: { _, _, _ in .failure(reason: "the bundle is not trusted", .other) })
    updater.readsBundles = false
    try withDevice(updater) { device, folder in
      let file = try bundle(in: folder, bytes: 1)
      try FileHandle(forWritingTo: file).truncate(atOffset: 500 << 20)
      let time = try ContinuousClock().measure {
        let answer = try Curl(device, "/v1/update", ["-T", file.path, "-X", "POST"])
        #expect(answer.status == 422)
        #expect(answer.body.contains("not trusted"))
      }
      #expect(time < .seconds(10))
    }
  }

  @Test func `HEAD of the events has no body, and an end`() throws {
    let updater = try UpdaterDouble()
    try withDevice(updater) { device, _ in
      let exchange = try Exchange(port: device.port, Exchange.request("HEAD /v1/update/events"))
      #expect(exchange.status == 200)
      #expect(exchange.text.contains("Content-Type: text/event-stream\r\n"))
      #expect(exchange.text.hasSuffix("\r\n\r\n") && !exchange.text.contains("event:"))
    }
  }

  @Test func `a client that waits for a word sends nothing of a bundle that is refused`() throws {
    let updater = try UpdaterDouble(installing: { _, _, _ in .failure(reason: "2.0.0 is on trial", .other) })
    (updater.readsBundles, updater.wantsBundles) = (false, false)
    try withDevice(updater) { device, folder in
      let file = try bundle(in: folder, bytes: 1)
      try FileHandle(forWritingTo: file).truncate(atOffset: 500 << 20)
      let options = ["-T", file.path, "-X", "POST", "-H", "Expect: 100-continue", "--expect100-timeout", "10"]
      let answer = try Curl(device, "/v1/update", options + ["--write-out", "%{size_upload}\n%{http_code}"])
      #expect(answer.status == 422)
      #expect(answer.body.contains("2.0.0 is on trial"))
      #expect(answer.body.hasSuffix("}0"), "\(answer.body)")
    }
  }

  @Test func `a client that waits for a word gets it when the bundle is going to be read`() throws {
    let updater = try UpdaterDouble()
    try withDevice(updater) { device, folder in
      let file = try bundle(in: folder, bytes: 300_000)
      let options = ["-T", file.path, "-X", "POST", "-H", "Expect: 100-continue", "--expect100-timeout", "15"]
      let time = try ContinuousClock().measure {
        let answer = try Curl(device, "/v1/update", options)
        #expect(answer.status == 200)
      }
      #expect(updater.bundleBytes == 300_000)
      #expect(time < .seconds(10))
    }
  }

  @Test func `a body that stops midway ends the bundle, and the updater is asked for nothing more`() throws {
    let updater = try UpdaterDouble(installing: { _, bytes, _ in
      .failure(reason: "it ends after \(bytes.count)", .other)
    })
    var limits = ManagementServer.Limits()
    limits.idleSeconds = 1
    try withDevice(updater, limits) { device, _ in
      let request = Exchange.request("POST /v1/update", fields: ["Content-Length: 1000000"], body: "only this")
      let exchange = try Exchange(port: device.port, request)
      #expect(!exchange.text.contains("200 OK"))
      #expect(updater.requests.count == 1)
      #expect(updater.bundleBytes == 9)
    }
  }

  @Test(arguments: ["restart=soon", "force=yes", "froce=1"])
  func `a wrong word of the query is told`(query: String) throws {
    let updater = try UpdaterDouble()
    try withDevice(updater) { device, _ in
      let answer = try Curl(device, "/v1/update?\(query)", ["-d", "x"])
      #expect(answer.status == 400)
      #expect(updater.requests.isEmpty)
    }
  }

  @Test(arguments: [(UpdateRefusal.busy, 409), (.otherBase, 412), (.other, 422)])
  func `what a program acts upon has a status of its own`(refusal: UpdateRefusal, status: Int) throws {
    let updater = try UpdaterDouble(installing: { _, _, _ in .failure(reason: "no", refusal) })
    try withDevice(updater) { device, _ in
      let answer = try Curl(device, "/v1/update", ["-d", "x"])
      #expect(answer.status == status)
    }
  }

  @Test func `commands go to the updater, and a device without one says so`() throws {
    let updater = try UpdaterDouble()
    try withDevice(updater) { device, _ in
      for path in ["cancel", "commit", "rollback", "try"] {
        let (done, other) = (
          try Curl(device, "/v1/update/\(path)", ["-X", "POST"]), try Curl(device, "/v1/update/\(path)")
        )
        #expect(done.status == 200 && other.status == 405)
      }
      #expect(updater.requests == [.cancel, .commit, .rollBack, .tryHeld])
    }
    let folder = try TemporaryFolder()
    let alone = try LoopbackDevice(
      in: folder.path, router: .management(updates: UpdateRoutes(socketPath: folder.path + "/none")))
    defer { alone.stop() }
    #expect(try Curl(alone, "/v1/update").status == 503)
    #expect(try Curl(alone, "/v1/update/events").status == 503)
  }

  @Test func `status and history are told`() throws {
    let record = UpdateRecord(
      time: 1_800_000_000, outcome: .rolledBack, version: "2.0.0", slot: .b, reason: "web: ended, status 1")
    let updater = try UpdaterDouble(.idle(history: [record]))
    try withDevice(updater) { device, _ in
      let status = try Curl(device, "/v1/update").body
      #expect(try JSONDecoder().decode(UpdateStatus.self, from: Data(status.utf8)) == updater.status)
      #expect(status.contains(#""activity":{"state":"idle"}"#))
      let history = try Curl(device, "/v1/update/history").body
      #expect(try JSONDecoder().decode([UpdateRecord].self, from: Data(history.utf8)) == [record])
    }
  }

  @Test func `events come as they happen`() throws {
    let updater = try UpdaterDouble()
    try withDevice(updater) { device, _ in
      let change = Thread {
        usleep(700_000)
        updater.status.activity = .installing(InstallProgress(version: "2.0.0", done: 5, total: 10))
      }
      change.start()
      // The stream does not end by itself, so curl reads until its time limit.
      let answer = try Curl(device, "/v1/update/events", ["--no-buffer", "--max-time", "2", "-D", "-"])
      #expect(answer.body.contains("text/event-stream"))
      let events = answer.body.components(separatedBy: "event: status\n").dropFirst()
      #expect(events.count == 2)
      #expect(events.last?.contains(#""state":"installing""#) == true)
    }
  }

  @Test func `a device fetches what a server has, by ranges`() throws {
    let updater = try UpdaterDouble(installing: { _, bytes, _ in
      .failure(reason: String(decoding: bytes, as: UTF8.self), .other)
    })
    try withDevice(updater) { device, folder in
      let server = try LoopbackServer(in: folder.appending(path: "server"))
      try server.site.writing("abcdefgh", to: "x.bundle")
      func fetch(_ body: String) throws -> Curl { try Curl(device, "/v1/update/fetch", ["-d", body]) }

      let answer = try fetch(#"{"url":"\#(server.url)/x.bundle","restart":"later"}"#)
      #expect(answer.body == #"{"error":"abcd"}"#)
      #expect(updater.requests == [.install(source: .ranges, .init(restart: .later))])
      for body in [
        #"{"url":"/etc/passwd"}"#, #"{"url":"ftp://x"}"#, "{}", "x", #"{"url":"http://h/","restart":"soon"}"#,
      ] {
        #expect(try fetch(body).status == 400, "\(body)")
      }
      #expect(updater.requests.count == 1)
    }
  }
}
