import Foundation
import HostSystem
import TestFixtures
import Testing

@Suite("A kernel of the project", .enabled(if: Workshop.isReady, Workshop.condition))
struct KernelTests {
  /// Adds a file as the kernel, and some of Debian's modules under another version, to a project's folder.
  private func addKernel(to folder: URL, modules names: [String]) throws {
    try folder.writing("a kernel", to: "bzImage")
    let packages = Workshop.cache.appending(path: "store/package")
    let found = try Judge("find").run([packages.path, "-name", "*.ko*", "-path", "*/lib/modules/6.12.*"])
    let files = found.output.split(separator: "\n").map(String.init)
    for name in names {
      let file = try #require(files.first { $0.contains("/\(name).ko") }, "\(name) is in the cache")
      let place = "modules/6.99.0-own/kernel/\(file.split(separator: "/").last ?? "")"
      try folder.writing(try FolderTree.readFile(file), to: place)
    }
  }

  private let own = "kernel: { path: ./bzImage, modulesFolder: ./modules/6.99.0-own }"

  @Test("It is used unchanged, with its own modules, which are decompressed and indexed")
  func taken() async throws {
    try await Workshop.withProject { folder in _ = try Workshop.build(folder) }
    try await Workshop.withProject(image: own) { folder in
      try addKernel(
        to: folder, modules: ["erofs", "libcrc32c", "ext4", "jbd2", "mbcache", "crc16", "crc32c_generic"])
      let image = try Workshop.build(folder)
      let root = try image.unpackedRoot(folder)
      let modules = root.appending(path: "usr/lib/modules/6.99.0-own")
      #expect(try modules.text("modules.dep").contains("kernel/erofs.ko: kernel/libcrc32c.ko"))
      let kernel = folder.appending(path: "kernel-of-the-image")
      let verdict = try Judge("mcopy").run([
        "-i", try image.partition("boot", to: folder).path, "::/slots/a/linux", kernel.path,
      ])
      #expect(verdict.status == 0, "\(verdict.errors)")
      #expect(try FolderTree.readFile(kernel.path) == Array("a kernel".utf8))
    }
  }

  @Test("Debian's kernel from backports, which consists of several packages, is used with its modules")
  func backports() async throws {
    let kernel = "kernel: { package: linux-image-cloud-amd64, suite: trixie-backports, modules: [wireguard] }"
    try await Workshop.withProject(image: kernel, project: "debian: { suite: trixie, snapshot: true }") { folder in
      let image = try Workshop.build(folder)

      #expect(try folder.text("build/box/manifest.json").contains("~bpo13+"))
      let modules = try image.unpackedRoot(folder).appending(path: "usr/lib/modules")
      let version = try #require(try FolderTree.names(in: modules.path).first)
      #expect(try modules.text("\(version)/modules.dep").contains("/wireguard.ko:"))
    }
  }

  @Test("A kernel without the root's file system is refused, as it could not start")
  func lackingFileSystem() async throws {
    try await Workshop.withProject(image: own) { folder in
      try addKernel(to: folder, modules: ["ext4", "jbd2", "mbcache", "crc16", "crc32c_generic"])
      #expect(try Workshop.refusal(folder).contains("kernel 6.99.0-own has no module `erofs`"))
    }
  }
}
