import FoundationEssentials
import HostSystem
import Sandbox

/// A tar archive with the content of a root file system, by anybody: its members may have any name, kind and size.
///
/// GNU tar unpacks it in a sandbox, beside the tree. It takes no member out of the folder that it unpacks to, makes links only when all else
/// is there, and what it can reach beside the tree is read-only. Its memory, and the size of each file, have limits.
struct TreeArchive {
  /// Its path in the sandbox.
  static let place = "/run/cultivar/base"

  /// A function of the shell that tells whether a path in the tree has no links in it: they may lead to whatever the sandbox has.
  static let inTree = "in_tree() { [ \"$(realpath --canonicalize-missing -- \"$1\")\" = \"$1\" ]; }"

  /// Largest file that is unpacked, holes included, in bytes: a file of a few bytes may say that it has any size, and all of them are read
  /// when an image is made of the tree.
  static let largestFile = 32 << 30
  /// Most memory that tar may use, in bytes: it keeps what an extended header (pax) says.
  private static let memory = 2 << 30

  /// Folders whose content only a running system has: it is left out, and the folders stay.
  private static let emptied = ["dev", "proc", "sys", "run", "tmp", "lost+found"]

  private let file: URL
  private let sandbox: Sandbox

  init(_ file: URL, sandbox: Sandbox) {
    self.file = file
    self.sandbox = sandbox
  }

  /// Lines of the shell that make the folder of a mount, `$target`.
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

  /// Unpacks it into a folder of the tree.
  ///
  /// - Parameter target: Path in the tree; empty for the tree itself.
  /// - Throws: `CommandFailure` where it is damaged or too large.
  func unpack(to target: String, of tree: URL, purpose: String) async throws {
    let excluded = target.isEmpty ? Self.emptied.flatMap { ["./\($0)/*", "\($0)/*"] } : []
    let options =
      "--extract --preserve-permissions --same-owner --numeric-owner --xattrs --xattrs-include='security.*' "
      + "--xattrs-include='user.*' --xattrs-include='system.posix_acl_*' --warning=no-timestamp "
      + "--warning=no-unknown-keyword --anchored --wildcards-match-slash"
    try await sandbox.run(
      """
      \(Self.makeTarget(target))
      # Of files in blocks of 512 bytes, of memory in KiB.
      ulimit -f \(Self.largestFile / 512)
      ulimit -v \(Self.memory / 1024)
      # A file beyond the limit is an error that tar names, and not a signal.
      trap '' XFSZ
      # Nodes of devices: only root could make them, and a device has those of its kernel.
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
