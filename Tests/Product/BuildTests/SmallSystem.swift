import Foundation
import Glibc
import Hashing
import HostSystem
import Lock
import Synchronization
import TestFixtures
import Testing

@testable import ImageBuild

/// A small Debian with everything that layers can have: packages, users, files in folders, steps, units, and a secret.
enum SmallSystem {
  /// The secret. It must be in two files of the root and nowhere else.
  static let secret = "tulips-4711-on-the-roof"

  /// Environment of the builds.
  static let environment = LibrarySystem.environment.merging(["GATEWAY_PASSWORD": secret]) { $1 }

  private static let project = """
    cultivar: 1
    name: small
    version: 1.0.0
    images:
      box:
        device: generic-x86_64
        base: trixie
        layout: system-single
        formats: [bmap, root-oci]
        kernel: { package: linux-image-cloud-amd64 }
        layers: [debian-minimal, gateway]
        variables: { gateway.password: !env GATEWAY_PASSWORD }

    """

  private static let layer = """
    cultivar: 1
    description: A gateway
    requires: [debian-minimal]
    variables:
      password: { type: secret, description: What the gateway shows to its peer }
    packages: [less, passwd]
    users:
      keeper: { groups: [adm] }
      gateway: { system: true, home: /var/lib/gateway }
    files:
      - { path: /etc/gateway.conf, content: "password=${password}\\n", owner: gateway, mode: "0640" }
      - { path: /usr/share/gateway, source: ./pages }
    units:
      add: [./gateway.service]
      enable: [gateway.service]
    steps:
      greet: { run: "cat /run/secrets/password > /etc/greeting", secrets: [password] }
      sum: { in: sandbox, phase: last, run: "cd $CULTIVAR_ROOT/usr/share/gateway && cat * > sum; mkdir made" }

    """

  /// Writes the project.
  ///
  /// - Parameter backwards: True to make the files in the opposite order.
  static func write(to folder: URL, backwards: Bool = false) async throws {
    try writeSources(to: folder, backwards: backwards)
    try folder.writing(try await lock.value, to: "cultivar.lock")
  }

  private static func writeSources(to folder: URL, backwards: Bool = false) throws {
    let names = ["a", "b", "c", "d"]
    try folder.writing(project, to: "cultivar.yaml")
    try folder.writing(layer, to: "layers/gateway/layer.yaml")
    try folder.writing(
      "[Service]\nExecStart=/bin/true\n[Install]\nWantedBy=multi-user.target\n", to: "layers/gateway/gateway.service")
    for name in backwards ? names.reversed() : names {
      try folder.writing("page \(name)", to: "layers/gateway/pages/\(name)")
    }
  }

  /// The lock file, with all its archives in the tests' cache, so that the mirror is asked only once.
  static let lock = Task<[UInt8], any Error> {
    try await withTemporaryFolder { folder in
      try writeSources(to: folder)
      let locking = try Workshop.run(["lock", "--quiet"], in: folder, environment: environment)
      try #require(locking.status == 0, "\(locking.errors)")
      let text = try FolderTree.readFile(folder.appending(path: "cultivar.lock").path)
      // A build may need only the unpacked packages. The archives stay, as the cache is open.
      let archive = try Workshop.builder(of: folder, cache: try Workshop.openCache.get()).archive
      _ = try await archive.files(of: try packages(text))
      return text
    }
  }

  private struct Lock: Decodable {
    var packages: [String: DebianPackage]
  }

  /// Returns the packages of a lock file that come from an archive.
  static func packages(_ lock: [UInt8]) throws -> [DebianPackage] {
    try JSONDecoder().decode(Lock.self, from: Data(lock)).packages.values.filter { $0.archive != .build }
      .sorted { $0.path < $1.path }
  }

  /// Copies all archives of the lock file to a cache.
  static func addArchives(to cache: URL) async throws {
    let archives = cache.appending(path: "archives")
    try FolderTree.create(archives.path)
    for package in try packages(try await lock.value) {
      let place = archives.appending(path: package.file)
      guard access(place.path, F_OK) != 0 else { continue }
      try FileManager.default.copyItem(at: Workshop.cache.appending(path: "archives/\(package.file)"), to: place)
    }
  }

  private static let firstHashes = Mutex<[String: Digest]?>(nil)

  /// Expects the same artefacts and manifest, byte by byte, in all builds of this test run.
  static func expectSameAsEver(_ project: URL, location: SourceLocation = #_sourceLocation) throws {
    let folder = project.appending(path: "build/box")
    var hashes: [String: Digest] = [:]
    // Files with a leading dot describe this folder's files, including their times.
    for name in try FolderTree.names(in: folder.path) where !name.hasPrefix(".") {
      hashes[name] = try Digest(ofFile: folder.appending(path: name).path)
    }
    let first = firstHashes.withLock { first in
      if first == nil { first = hashes }
      return first
    }
    #expect(first == hashes, sourceLocation: location)
  }
}

extension DebianPackage {
  /// Name of its archive file in a cache.
  var file: String { "\(sha256).deb" }
}
