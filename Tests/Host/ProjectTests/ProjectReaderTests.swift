import DeviceModel
import Foundation
import Hashing
import Testing

@testable import Project

@Suite("Reading a project file")
struct ProjectReaderTests {
  @Test("All keys of a file are read")
  func complete() throws {
    let project = try Sample.reader.read(Sample.complete, as: Sample.file).project

    #expect(project.name == "weather-station")
    #expect(project.archive.suite == "bookworm")
    let image = try #require(project.images.first)
    #expect(image.layout.rootFileSystem == .squashfs)
    #expect(image.layout.slotSize == .bytes(1_610_612_736))
    #expect(image.layout.dataSize == 134_217_728)
    #expect(image.hostname == "Roof")
    #expect(image.timeServers == ["pool.ntp.org"])
    #expect(
      image.management
        == ManagementPlan(
          addresses: ["127.0.0.1"], port: 8081,
          tokenHash: Digest(fingerprint: "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08")))
    #expect(
      image.kernel.source
        == .path(
          kernel: URL(fileURLWithPath: "/project/bzImage"), modules: URL(fileURLWithPath: "/project/modules")))
    #expect(
      image.network
        == .fixed(
          [
            StaticInterface(
              name: "eth0", addresses: ["192.0.2.7/24", "2001:db8::7/64"], gateways: ["192.0.2.1", "2001:db8::1"])
          ], nameServers: ["192.0.2.53"]))
    #expect(image.programs.map(\.name) == ["station", "ticker", "b", "rg", "go-net", "y", "tool", "busybox"])
  }

  @Test("All keys of a program are read")
  func program() throws {
    let project = try Sample.reader.read(Sample.complete, as: Sample.file).project

    let program = try #require(project.images.first?.programs.first)
    #expect(program.source == .swift(.folder(URL(fileURLWithPath: "/project/station")), product: "station"))
    #expect(program.arguments == ["--port", "80"])
    #expect(program.environment == ["STATION_NAME": "roof"])
    #expect(program.user == "root")
    #expect(program.files.map(\.mode) == [0o640])
    #expect(program.restart == .onFailure)
    #expect(program.waitFor == [.network, .clock, .path("/data/x"), .program("ticker")])
    #expect(program.stop == StopPlan(signal: SIGINT, grace: 1500))
    #expect(program.limits == ProgramLimits(memory: 67_108_864, cpuPercent: 150, processes: 32))
    #expect(program.log == LogPlan(ringBytes: 131_072, files: LogFiles(maximumBytes: 2_097_152, keep: 7)))
    #expect((program.position.line, program.position.column) == (12, 9))
  }

  @Test("The data of a release for devices and people is read; times are in UTC")
  func release() throws {
    let release = try Sample.reader.read(Sample.complete, as: Sample.file).project.release
    #expect(
      release
        == ReleaseDefinition(
          epoch: 2, minimumVersion: "1.2.0", expires: 1_924_905_600, notes: "Fixes the clock.", dataSchema: 3))
    let exact = Sample.project() + "\nrelease: { expires: 2030-12-31T12:00:01Z }"
    #expect(try Sample.reader.read(exact, as: Sample.file).project.release.expires == 1_924_948_801)
  }

  @Test("Omitted keys have their defaults")
  func defaults() throws {
    let project = try Sample.reader.read(Sample.project(), as: Sample.file).project

    #expect(project.version == "0.0.0")
    #expect(project.release == ReleaseDefinition())
    #expect(project.archive == ArchiveDefinition(suite: "trixie", mirror: nil, securityMirror: nil))
    let image = try #require(project.images.first)
    #expect(image.hostname == "station")
    #expect(image.timezone == "UTC")
    #expect(image.layout.rootFileSystem == .erofs)
    #expect(image.network == .automatic(interfaces: []))
    #expect(image.timeServers.count == 3)
    #expect(image.management == nil)
    #expect(!image.consoleCommands)
    let program = try #require(image.programs.first)
    #expect(program.user == "tool")
    #expect(program.restart == .always)
    #expect(program.stop == StopPlan(signal: SIGTERM, grace: 10_000))
    #expect(program.log == LogPlan(ringBytes: 65_536))
  }

  @Test("An anchor and its aliases have the same value")
  func anchors() throws {
    let text = Sample.project(
      programs: """
        - { executable: ./tool, name: a, limits: &small { memory: 8M } }
        - { executable: ./tool, name: b, limits: *small }
        """)

    let project = try Sample.reader.read(text, as: Sample.file).project

    #expect(project.images.first?.programs.map(\.limits.memory) == [8_388_608, 8_388_608])
  }

  @Test("Every example and every default has the shape of its key")
  func examples() throws {
    let files: Set = [
      "Package.swift", "Cargo.toml", "go.mod", "tool", "bzImage", "motd", "vendor.asc", "make-keys", "gateway.service",
      "raspios.img.xz", "product.root", "release.key", "logo.ppm",
    ]
    var reading = Reading(
      source: SourceText(file: Sample.file, text: ""),
      fileKind: { files.contains($0.lastPathComponent) ? .file : .folder }, isRunnable: { _ in true })
    let objects = ProjectFormat.shape.description.allObjects + LayerFormat.shape.description.allObjects
    for key in objects.flatMap(\.keys) {
      for value in [key.example, key.defaultValue].compactMap(\.self) {
        let node = SourceNode(value, at: SourcePosition(file: Sample.file, line: 1, column: 1))
        #expect(key.read(node, &reading) != nil, "\(key.name): \(value.compact)")
      }
    }
    #expect(reading.diagnostics.filter { !$0.message.hasPrefix("there is no program") }.map(\.message) == [])
  }

  @Test("The project is searched for in the current folder and its parents")
  func search() throws {
    try withTemporaryFolder { folder in
      let inner = folder.appending(path: "a/b")
      try FileManager.default.createDirectory(at: inner, withIntermediateDirectories: true)
      let file = folder.appending(path: "cultivar.yaml")
      try Sample.project().write(to: file, atomically: true, encoding: .utf8)

      #expect(try ProjectLocation.find(nil, from: inner).path == file.path)
      #expect(try ProjectLocation.find("../..", from: inner).path == file.path)
      let failure = #expect(throws: ProjectFailure.self) { try ProjectLocation.find("..", from: inner) }
      #expect(failure?.problem == "the folder .. has no cultivar.yaml")
    }
  }
}
