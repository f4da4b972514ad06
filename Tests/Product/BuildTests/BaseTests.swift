import Foundation
import Hashing
import HostSystem
import Lock
import TestFixtures
import Testing

@Suite("Layers on a published Debian", .enabled(if: Workshop.isReady, Workshop.condition))
struct BaseTests {
  /// Publishes a Debian made by Cultivar: as a disk with a FAT boot partition and an ext4 root, and as an archive.
  private static let publish = """
    #!/bin/sh -eu
    root=$CULTIVAR_ROOT
    mkdir "$root/boot/firmware"
    printf 'PARTUUID=1a2b3c4d-01 /boot/firmware vfat defaults 0 2\\nPARTUUID=1a2b3c4d-02 / ext4 defaults 0 1\\n' > "$root/etc/fstab"
    printf '#!/bin/sh\\n' > "$root/srv/special"
    chown 65534:33 "$root/srv/special"
    chmod 6751 "$root/srv/special"
    setcap cap_net_raw=ep "$root/srv/special"
    printf 'arm_64bit=1\\n' > config.txt
    mkfs.fat -C -F 16 boot.fat 16384 >&2
    mcopy -i boot.fat config.txt ::
    mke2fs -q -t ext4 -d "$root" root.ext4 600M
    truncate -s 624M disk
    printf 'label: dos\\nlabel-id: 0x1a2b3c4d\\nstart=1MiB,size=16MiB,type=c\\nstart=20MiB,size=600MiB,type=83\\n' | sfdisk -q disk
    dd if=boot.fat of=disk bs=1M seek=1 conv=notrunc,sparse status=none
    dd if=root.ext4 of=disk bs=1M seek=20 conv=notrunc,sparse status=none
    zstd -q -1 -c disk > disk.img.zst
    tar -c --xattrs --xattrs-include='security.*' --numeric-owner -C "$root" . | zstd -q -1 > root.tar.zst
    rm boot.fat root.ext4 disk

    """

  private struct Manifest: Decodable {
    struct Base: Decodable {
      var name: String
      var sha256: Digest
    }
    struct Package: Decodable {
      var name: String
      var sha256: Digest?
    }
    var base: Base?
    var kernel: String
    var packages: [Package]
  }

  /// Adds the checks that apply to both forms of the published Debian.
  private func expectBase(_ root: inout LibrarySystem) {
    root.expect("dpkg --audit", "")
    root.expect("stat -c '%a %u %g' /srv/special /usr/bin/su /var/mail", "6751 65534 33\n4755 0 0\n2775 0 8\n")
    root.expect("cat /etc/fstab", "")
    root.expect("ls /boot | grep -c vmlinuz", "1\n")
  }

  @Test(
    "APT adds layers to a disk and an archive, their kernel starts them, and the manifest lists their packages")
  func layered() async throws {
    try await withTemporaryFolder { ground in
      try LibrarySystem.write(
        "profile: debian-minimal\npackages: [nano]\nsteps: { publish: { phase: image, in: sandbox, script: ./publish } }",
        to: ground)
      try ground.writing(Self.publish, to: "publish", mode: 0o755)
      let made = try Workshop.run(["build", "--quiet"], in: ground, environment: LibrarySystem.environment)
      try #require(made.status == 0, "\(made.errors)")
      let published = ground.appending(path: "build/box")
      func take(_ name: String, into folder: URL) throws {
        for file in [published.appending(path: name), ground.appending(path: "cultivar.lock")] {
          try FileManager.default.copyItem(at: file, to: folder.appending(path: file.lastPathComponent))
        }
      }
      func inspect(_ name: String, _ folder: URL) throws -> Manifest {
        let manifest = try JSONDecoder().decode(
          Manifest.self, from: Data(contentsOf: folder.appending(path: "build/box/manifest.json")))
        #expect(manifest.base?.name == name)
        #expect(try manifest.base?.sha256 == Digest(ofFile: published.appending(path: name).path))
        #expect(manifest.kernel.contains("cloud-amd64") && manifest.kernel.hasSuffix(" of \(name)"))
        #expect(manifest.packages.contains { $0.name == "dpkg" && $0.sha256 == nil })
        return manifest
      }

      try await LibrarySystem.judged(
        "packages: { install: [libcap2-bin], remove: [nano] }\nfiles: [{ path: /etc/greeting, content: \"hello\\n\" }]",
        suite: "{ image: ./disk.img.zst }", kernel: nil
      ) {
        try take("disk.img.zst", into: $0)
      } inspect: { folder in
        let manifest = try inspect("disk.img.zst", folder)
        #expect(manifest.packages.contains { $0.name == "libcap2-bin" && $0.sha256 != nil })
        #expect(!manifest.packages.contains { $0.name == "nano" })
        #expect(Set(manifest.packages.map(\.name)).count == manifest.packages.count)
        let again = try Workshop.run(["build"], in: folder, environment: LibrarySystem.environment)
        #expect(
          again.status == 0 && !again.errors.contains("import") && !again.errors.contains("write"), "\(again.errors)")
      } ask: { root in
        root.expectSound()
        expectBase(&root)
        root.expect(
          "getcap /srv/special; cat /etc/greeting /boot/firmware/config.txt",
          "/srv/special cap_net_raw=ep\nhello\narm_64bit=1\n")
      }

      try await LibrarySystem.judged("paths: [{ exclude: \"/usr/share/man/*\" }]", suite: "{ image: ./root.tar.zst }") {
        try take("root.tar.zst", into: $0)
      } inspect: { folder in
        _ = try inspect("root.tar.zst", folder)
      } ask: { root in
        expectBase(&root)
        root.expect(
          "find /usr/share/man -type f; cat /etc/dpkg/dpkg.cfg.d/50cultivar", "path-exclude=/usr/share/man/*\n")
      }
    }
  }
}
