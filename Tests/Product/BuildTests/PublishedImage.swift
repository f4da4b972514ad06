import Foundation
import HostSystem
import TestFixtures
import Testing

/// Published images of third parties, made by standard tools.
enum PublishedImage {
  /// Makes a disk of partitions.
  ///
  /// - Parameters:
  ///   - label: `dos` or `gpt`.
  ///   - partitions: The type and file of each partition. They begin at 1 MiB and are adjacent, in whole MiB.
  static func disk(_ name: String, label: String, _ partitions: [(type: String, file: URL)], in folder: URL) throws
    -> URL
  {
    let disk = folder.appending(path: name)
    var table = "label: \(label)\n" + (label == "dos" ? "label-id: 0x1a2b3c4d\n" : "")
    var script = ""
    var start = 1
    for (type, file) in partitions {
      let size = (try FolderTree.size(of: file) + (1 << 20) - 1) >> 20
      table += "start=\(start)MiB, size=\(size)MiB, type=\(type)\n"
      script += "dd if='\(file.path)' of='\(disk.path)' bs=1M seek=\(start) conv=notrunc,sparse status=none\n"
      start += size
    }
    let rows = try folder.writing(table, to: "\(name).table")
    script = "truncate -s \(start + 1)M '\(disk.path)'\nsfdisk -q '\(disk.path)' < '\(rows.path)'\n" + script
    try run(script, in: folder)
    return disk
  }

  /// Runs a shell script, which must succeed.
  static func run(_ script: String, in folder: URL) throws {
    let verdict = try Judge("sh").run(["-euc", script], in: folder)
    try #require(verdict.status == 0, "\(verdict.errors)")
  }

  // MARK: A root without packages

  /// The `/etc/fstab` of ``smallTree(in:architecture:release:)``.
  static let mounts = """
    PARTUUID=1a2b3c4d-02 / ext4 defaults 0 1
    LABEL=FIRM /boot/firmware vfat defaults 0 2
    UUID=11111111-2222-3333-4444-555555555555 /srv/data ext2 defaults 0 2
    tmpfs /var/tmp tmpfs size=8M 0 0

    """

  /// Makes a folder that passes for a Debian with one program. It is small, and nothing has to be fetched.
  static func smallTree(in folder: URL, architecture: String = "amd64", release: String? = nil) throws -> URL {
    let tree = folder.appending(path: "tree")
    try tree.writing(
      release ?? "ID=debian\nVERSION_CODENAME=\"trixie\"\nPRETTY_NAME=\"Debian\"\n", to: "usr/lib/os-release")
    try tree.writing(mounts, to: "etc/fstab")
    try tree.writing("root:x:0:0:root:/root:/bin/sh\n", to: "etc/passwd")
    try tree.writing("root:x:0:\n", to: "etc/group")
    try tree.writing(
      "Package: dpkg\nStatus: install ok installed\nArchitecture: \(architecture)\nVersion: 1.22\n\n",
      to: "var/lib/dpkg/status")
    for version in ["6.1.0-9", "6.1.0-10"] {
      try tree.writing(version, to: "boot/vmlinuz-\(version)")
      try tree.writing("", to: "usr/lib/modules/\(version)/modules.dep")
    }
    try tree.writing(try FolderTree.readFile("/bin/busybox"), to: "bin/busybox", mode: 0o755)
    let names = [
      "[", "cat", "chmod", "chown", "chroot", "cp", "find", "ln", "ls", "mkdir", "rm", "rmdir", "sh", "stat", "touch",
      "umount",
    ]
    for name in names {
      try FileManager.default.createSymbolicLink(atPath: "\(tree.path)/bin/\(name)", withDestinationPath: "busybox")
    }
    return tree
  }

  /// Makes a file system from a folder, with all files owned by root, and changes it with `debugfs`.
  static func fileSystem(
    _ name: String, of tree: URL, kind: String = "ext4", options: [String] = [], size: String = "24M",
    changes: [String] = [], in folder: URL
  ) throws -> URL {
    let image = folder.appending(path: name)
    let made = try Judge("mke2fs").run(
      ["-q", "-F", "-t", kind] + options + ["-E", "root_owner=0:0", "-d", tree.path, image.path, size])
    try #require(made.status == 0, "\(made.errors)")
    let commands = try folder.writing(changes.joined(separator: "\n") + "\n", to: "\(name).commands")
    let changed = try Judge("debugfs").run(["-w", "-f", commands.path, image.path])
    try #require(changed.status == 0, "\(changed.errors)")
    return image
  }

  /// Makes a FAT file system with one file in a folder.
  static func fat(_ name: String, label: String, in folder: URL) throws -> URL {
    try folder.writing("arm_64bit=1\n", to: "fat/config.txt")
    try folder.writing("overlay", to: "fat/overlays/A long name.dtbo")
    try run("mkfs.fat -C -F 16 -n \(label) \(name) 16384 >/dev/null; mcopy -s -i \(name) fat/* ::", in: folder)
    return folder.appending(path: name)
  }
}

extension FolderTree {
  /// Returns the size of a file in bytes.
  fileprivate static func size(of file: URL) throws -> Int {
    try #require(try FileManager.default.attributesOfItem(atPath: file.path)[.size] as? Int)
  }
}
