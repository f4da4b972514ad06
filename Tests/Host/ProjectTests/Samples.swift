import Foundation
import TestFixtures

@testable import Project

/// Project texts for tests, read as `/project/cultivar.yaml` next to a few files.
enum Sample {
  /// The file name for all texts.
  static let file = URL(fileURLWithPath: "/project/cultivar.yaml")

  private static let folders: Set<String> = [
    "/project", "/project/conf", "/project/station", "/project/ticker", "/project/gonet", "/project/modules",
  ]
  private static let files: Set<String> = [
    "/project/tool", "/project/motd", "/project/bzImage", "/project/station/Package.swift",
    "/project/ticker/Cargo.toml", "/project/gonet/go.mod",
  ]

  /// A reader that sees the files next to the sample project.
  static let reader = ProjectReader { url in
    if files.contains(url.path) { return .file }
    return folders.contains(url.path) ? .folder : .missing
  }

  /// Returns a project with one image and one program.
  ///
  /// - Parameters:
  ///   - image: Further lines of the image, without their indentation.
  ///   - programs: The lines of the list of programs.
  static func project(image: String = "", programs: String = "- executable: ./tool") -> String {
    """
    cultivar: 1
    name: roof
    images:
      station:
        device: generic-x86_64
        layout: appliance-ab
        programs:
    \(indented(programs, by: 6))
    \(indented(image, by: 4))
    """
  }

  /// A project file with all keys, in one image.
  static let complete = """
    cultivar: 1
    name: weather-station
    version: 1.4.0
    debian: { suite: bookworm, mirror: "https://ftp.debian.org/debian", securityMirror: "https://ftp.debian.org/debian-security" }
    images:
      station:
        device: generic-x86_64
        layout: { use: appliance-ab, root: squashfs, boot: 256M, slot: 1.5G, data: 134217728 }
        hostname: Roof
        timezone: Europe/Berlin
        programs:
          - swift: { package: ./station, product: station }
            arguments: [--port, "80"]
            env: { STATION_NAME: roof }
            user: root
            files: [{ source: ./conf, path: /etc/station, mode: "0640" }]
            restart: on-failure
            waitFor: [network, clock, { path: /data/x }, { program: ticker }]
            stop: { signal: INT, grace: 1500ms }
            limits: { memory: 64M, cpu: 150%, processes: 32 }
            capabilities: [net_bind_service]
            log: { ring: 128K, files: { size: 2M, keep: 7 } }
          - cargo: { package: ./ticker, binary: ticker }
          - cargo: { git: "https://git.example.org/a.git", tag: v1.0, folder: tools/b }
          - cargo: { crate: ripgrep, version: 14.1.0, binary: rg }
          - go: { module: ./gonet, package: ./cmd/go_net }
          - go: { install: example.org/x/cmd/y/v2, version: v2.0.1 }
          - executable: ./tool
          - debian: { packages: [busybox-static], executable: /bin/busybox }
        files: [{ source: ./motd, path: /etc/motd }]
        kernel: { path: ./bzImage, modulesFolder: ./modules, modules: [usbhid], arguments: [quiet] }
        network:
          method: fixed
          interfaces: [{ name: eth0, addresses: [192.0.2.7/24, "2001:db8::7/64"], gateways: [192.0.2.1, "2001:db8::1"] }]
          nameServers: [192.0.2.53]
        clock: { servers: [pool.ntp.org] }
        management: { port: 8081, addresses: [127.0.0.1], tokenHash: 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08 }
        console: { commands: true }
    release: { epoch: 2, minimumVersion: 1.2.0, expires: "2030-12-31", notes: "Fixes the clock.", dataSchema: 3 }
    """

  private static func indented(_ text: String, by count: Int) -> String {
    text.split(separator: "\n", omittingEmptySubsequences: false)
      .map { $0.isEmpty ? "" : String(repeating: " ", count: count) + $0 }
      .joined(separator: "\n")
  }
}

/// Makes a new folder for a closure and removes it afterwards.
func withTemporaryFolder<Result>(_ work: (URL) throws -> Result) throws -> Result {
  let folder = ProcessFolder.newPlace("project")
  try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
  defer { try? FileManager.default.removeItem(at: folder) }
  return try work(folder)
}

/// Returns the sorted names in a folder.
func contents(of folder: URL) throws -> [String] {
  try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted()
}

extension ShapeDescription {
  /// All mappings with known keys in the shape, once for each use.
  var allObjects: [ObjectDescription] {
    switch self {
    case .text, .integer, .truth, .choice: []
    case .list(let item, _): item.allObjects
    case .dictionary(_, let value, _): value.allObjects
    case .object(let object): [object] + object.keys.flatMap(\.shape.allObjects)
    case .variants(_, let variants): variants.flatMap { ShapeDescription.object($0.object).allObjects }
    case .either(let shapes): shapes.flatMap(\.allObjects)
    }
  }
}
