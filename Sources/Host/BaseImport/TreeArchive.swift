import FoundationEssentials
import HostSystem
import Sandbox

/// An untrusted tar archive of a root file system. Its members may have any name, type and size.
///
/// GNU tar unpacks it in a sandbox, beside the tree. tar writes no member outside the target folder, makes links only
/// after all other members, and everything else that it can reach is read-only. Its memory and the size of each file
/// are limited.
struct TreeArchive {
  /// Path of the archive in the sandbox.
  static let place = "/run/cultivar/base"

  /// A shell function that checks that a path in the tree contains no links, which might lead out of the tree.
  static let inTree = "in_tree() { [ \"$(realpath --canonicalize-missing -- \"$1\")\" = \"$1\" ]; }"

  /// Maximum size of an unpacked file in bytes, including holes. A tiny archive member may claim any size, and all
  /// bytes are read when an image is made from the tree.
  static let largestFile = 32 << 30
  /// Maximum memory of tar in bytes. tar keeps the content of extended headers (pax) in memory.
  private static let memory = 2 << 30

  /// Folders with content only on a running system. The folders stay, and their content is left out.
  private static let emptied = ["dev", "proc", "sys", "run", "tmp", "lost+found"]

  private let file: URL
  private let sandbox: Sandbox

  init(_ file: URL, sandbox: Sandbox) {
    self.file = file
    self.sandbox = sandbox
  }

  /// Shell lines that make the folder of a mount point, `$target`.
  private static func makeTarget(_ target: String) -> String {
    """
    \(inTree)
    target=\([Sandbox.treePath, target].filter { !$0.isEmpty }.joined(separator: "/").quotedForShell)
    in_tree "$target" || {
      echo "its /etc/fstab mounts a partition at ${target#\(Sandbox.treePath)}, which is a link or below one" >&2; exit 1
    }
    mkdir -p "$target"
    """
  }

  /// Unpacks the archive into a folder of the tree.
  ///
  /// - Parameter target: Path in the tree; empty for the tree itself.
  /// - Throws: `CommandFailure` if the archive is damaged or too large.
  func unpack(to target: String, of tree: URL, purpose: String) async throws {
    let excluded = target.isEmpty ? Self.emptied.flatMap { ["./\($0)/*", "\($0)/*"] } : []
    let options =
      "--extract --preserve-permissions --same-owner --numeric-owner --xattrs --xattrs-include='security.*' "
      + "--xattrs-include='user.*' --xattrs-include='system.posix_acl_*' --warning=no-timestamp "
      + "--warning=no-unknown-keyword --anchored --wildcards-match-slash"
    try await sandbox.run(
      """
      \(Self.makeTarget(target))
      # File sizes are in blocks of 512 bytes, memory in KiB.
      ulimit -f \(Self.largestFile / 512)
      ulimit -v \(Self.memory / 1024)
      # With the signal ignored, tar reports a file beyond the limit as an error.
      trap '' XFSZ
      # Leave out device nodes: only root can make them, and the kernel of a device makes its own.
      tar --list --verbose --numeric-owner --quoting-style=literal --file \(Self.place) |
        sed -n 's/^[bc][^ ]* *[^ ]* *[^ ]* *[^ ]* *[^ ]* //p' > /tmp/devices
      tar \(options) --no-wildcards --exclude-from=/tmp/devices --wildcards \
      \(excluded.map { "--exclude=\($0.quotedForShell)" }.joined(separator: " ")) \
      --directory "$target" --file \(Self.place)
      rmdir "$target/lost+found" 2>/dev/null || true
      """, root: .overlay(lower: [], upper: tree), place: .beside,
      bindings: [Sandbox.Binding(file.resolvingSymlinksInPath(), at: Self.place)], to: purpose)
  }
}
