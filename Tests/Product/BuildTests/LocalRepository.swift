import Foundation
import Glibc
import Hashing
import HostSystem
import TestFixtures
import Testing

/// An archive of packages on the loopback address, signed with its own key.
struct LocalRepository {
  private let folder: URL
  let server: LoopbackServer
  /// The folder of gpg, whose agent needs a short path for its sockets.
  private let keys: TemporaryFolder

  /// The public key, armoured.
  var key: URL { folder.appending(path: "key.asc") }
  var url: String { server.url }

  /// The URL of the same archive on the disk.
  var localURL: String { "file://\(server.site.path)" }

  /// Makes an archive without packages.
  init(in folder: URL) throws {
    self.folder = folder
    keys = try TemporaryFolder()
    #expect(chmod(keys.path, 0o700) == 0)
    try FolderTree.create(folder.path)
    server = try LoopbackServer(in: folder.appending(path: "server"))
    try gpg(["--passphrase", "", "--quick-gen-key", "tools", "ed25519", "sign", "never"])
    try gpg(["--armor", "--output", key.path, "--export", "tools"])
  }

  /// A package with one file, `/usr/share/NAME/version`.
  struct Package {
    var name: String
    var version: String
    /// True if it also has a configuration file, `/etc/NAME.conf`.
    var isConfigured = false
    /// Its dependencies, as in a control file.
    var needs: String?
    /// A script that runs after it is unpacked.
    var script: String?
  }

  /// Adds packages. Packages of earlier versions stay.
  func publish(_ packages: [Package]) throws {
    for package in packages {
      let tree = folder.appending(path: "trees/\(package.name)-\(package.version)")
      try tree.writing(
        """
        Package: \(package.name)
        Version: \(package.version)
        Architecture: all
        Maintainer: Test <test@example.org>
        \(package.needs.map { "Depends: \($0)\n" } ?? "")Description: a package of a test

        """, to: "DEBIAN/control")
      try tree.writing(package.version, to: "usr/share/\(package.name)/version")
      if package.isConfigured {
        try tree.writing("as of \(package.version)\n", to: "etc/\(package.name).conf")
        try tree.writing("/etc/\(package.name).conf\n", to: "DEBIAN/conffiles")
      }
      if let script = package.script { try tree.writing("#!/bin/sh\n\(script)\n", to: "DEBIAN/postinst", mode: 0o755) }
      try run(
        "dpkg-deb", ["--root-owner-group", "--build", tree.path, "\(server.site.path)/\(tree.lastPathComponent).deb"])
    }
    var index = ""
    for name in try FolderTree.names(in: server.site.path) where name.hasSuffix(".deb") {
      let file = server.site.appending(path: name).path
      index += try run("dpkg-deb", ["--field", file])
      index +=
        "Filename: ./\(name)\nSize: \(try FolderTree.readFile(file).count)\nSHA256: \(try Digest(ofFile: file))\n\n"
    }
    try server.site.writing(index, to: "Packages")
    // Older than Debian's, so that the images have the time of Debian's archive.
    let release = "Origin: Tools\nSuite: tools\nDate: Tue, 02 Jan 2024 00:00:00 UTC\nSHA256:\n"
    let plain = try folder.writing(
      "\(release) \(Digest(of: index)) \(index.utf8.count) Packages\n", to: "Release")
    let signed = server.site.appending(path: "InRelease").path
    try gpg(["--local-user", "tools", "--passphrase", "", "--output", signed, "--clearsign", plain.path])
  }

  private func gpg(_ arguments: [String]) throws {
    try run("gpg", ["--homedir", keys.path, "--batch", "--yes"] + arguments)
  }

  @discardableResult
  private func run(_ program: String, _ arguments: [String]) throws -> String {
    let verdict = try Judge(program).run(arguments)
    try #require(verdict.status == 0, "\(verdict.errors)")
    return verdict.output
  }
}
