import Foundation
import SystemBuild
import Testing

/// Later changes to a tree: packages are installed again, newer versions are installed, and one package is purged.
///
/// The tree must have the sets "minimal", "diversions" and "ssh" of ``InstalledSample``.
struct LaterChanges {
  /// The archive from which APT installs packages.
  private let repository: FolderRepository
  /// Names of the packages that have a newer version there.
  private let newer: [String]

  /// Prepares an archive for the changes.
  ///
  /// - Parameters:
  ///   - archives: The archive files of all packages in the tree.
  ///   - newer: The names of packages to upgrade.
  init(archives: [URL], newer: [String], in folder: URL) throws {
    self.newer = newer
    repository = try FolderRepository(of: archives, newer: newer, in: folder)
  }

  /// Makes the changes in a tree with its own APT and dpkg, and expects no problems afterwards.
  func expectSound(in root: SystemRoot, location: SourceLocation = #_sourceLocation) async throws {
    let upgraded = newer.sorted().map { "\($0)\n" }.joined()
    let answer = try await root.asked(Self.script, repository: repository.folder)
    #expect(answer == upgraded + "install ok installed\n", sourceLocation: location)
  }

  private static let script = """
    apt() {
      apt-get -q -y -o Dir::Etc::SourceList=/run/cultivar/repository/sources.list -o Dir::Etc::SourceParts=/dev/null \
        -o APT::Sandbox::User=root "$@" >&2
    }
    apt update
    apt install --reinstall openssh-server=$(dpkg-query --show --showformat '${Version}' openssh-server) bash-completion systemd
    dpkg --audit
    apt dist-upgrade
    dpkg-query --show --showformat '${Package} ${Version}\\n' | grep '+later$' | cut -d ' ' -f 1
    dpkg --listfiles openssh-server > /tmp/files
    apt purge openssh-server
    while read -r path; do [ -d "$path" ] || [ ! -e "$path" ] || echo "left: $path"; done < /tmp/files
    apt install openssh-server
    dpkg --audit
    dpkg --verify
    dpkg-query --show --showformat '${Status}\\n' openssh-server
    """
}
