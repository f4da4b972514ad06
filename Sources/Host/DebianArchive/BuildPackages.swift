import FoundationEssentials
import Glibc
import Hashing
import HostSystem
import Lock

/// The packages that a build makes itself, in an archive on the build host.
///
/// There is one. Debian's kernel packages depend on a program that makes an initial RAM file system on the device.
/// Cultivar's images do not need that program, so an empty package provides its name.
struct BuildPackages: Sendable {
  /// Folder of the archive: `Packages` and the `.deb` files.
  let folder: URL

  /// Name of the package that takes the place of the tools that make an initial RAM file system.
  static let initramfs = "cultivar-initramfs"

  private static let control = """
    Package: \(initramfs)
    Version: 1
    Architecture: all
    Maintainer: Cultivar <cultivar@localhost>
    Section: kernel
    Priority: optional
    Multi-Arch: foreign
    Provides: linux-initramfs-tool
    Conflicts: linux-initramfs-tool
    Description: initial RAM file system of a Cultivar image
     The initial RAM file system is part of the image, and made with it.

    """

  /// Makes the archive, or finds it in the cache.
  ///
  /// - Throws: `CommandFailure`, `FileFailure`.
  init(cache: Cache) async throws {
    var key = CacheKey("build-packages 1")
    key.add(Self.control)
    folder = try await cache.result("build-packages", key.hash) { place in
      try await cache.withScratch { scratch in
        let tree = scratch.appending(path: "tree")
        try FolderTree.create(tree.appending(path: "DEBIAN").path)
        try FolderTree.replaceFile(tree.appending(path: "DEBIAN/control").path, with: Self.control.utf8)
        // The modes are part of the package, so they must not depend on the caller's umask.
        for (path, mode) in [("", 0o755), ("DEBIAN", 0o755), ("DEBIAN/control", 0o644)] as [(String, mode_t)] {
          let place = tree.appending(path: path).path
          guard chmod(place, mode) == 0 else { throw FileFailure.last("set the mode of", place) }
        }
        // A fixed time for the files gives the same bytes at every build.
        try await HostCommand(
          .dpkgDeb,
          ["--root-owner-group", "-Zgzip", "--build", tree.path, place.appending(path: "initramfs.deb").path],
          to: "make the package \(Self.initramfs)", environment: ["SOURCE_DATE_EPOCH": "1700000000"]
        ).run()
      }
      let file = place.appending(path: "initramfs.deb").path
      let entry = """
        Filename: ./initramfs.deb
        Size: \(try FolderTree.readFile(file).count)
        SHA256: \(try Digest(ofFile: file).text)

        """
      let index = Self.control.split(separator: "\n").joined(separator: "\n") + "\n" + entry
      try FolderTree.replaceFile(place.appending(path: "Packages").path, with: index.utf8)
    }
  }

  /// The archive as a source for APT. It needs no signature, as it never leaves this machine.
  var source: String { "Types: deb\nURIs: file:\(folder.path)\nSuites: ./\nTrusted: yes\n\n" }

  /// Path of the package's archive file.
  var file: URL { folder.appending(path: "initramfs.deb") }
}
