import FoundationEssentials
import HostSystem

/// An error for a published image that cannot be the base of a system.
public struct BaseFailure: ExplainedError {
  /// Path of the image.
  public var path: String
  public var reason: Reason

  /// The reasons why an image cannot be a base.
  public enum Reason: Sendable, Equatable {
    /// The image does not have the hash in the project.
    case wrongHash(expected: String, found: String)
    /// The image is neither an archive nor a disk.
    case notAnImage(String)
    /// The image cannot be unpacked, ends early, or has a damaged file system.
    case damaged(String, said: String)
    /// The partition table does not have the partition that the project names.
    case noPartition(Int, available: [String])
    /// A part of the image has an unsupported format.
    case unreadable(place: String, kind: String)
    /// No partition contains a Debian.
    case noRoot(seen: [String])
    /// Several partitions contain a Debian.
    case severalRoots([Int])
    /// The image does not contain a complete Debian, for this reason.
    case noDebian(String)
    /// The image is for another architecture.
    case wrongArchitecture(found: String, wanted: String)
    /// The image does not name its suite.
    case noSuite(system: String)
  }

  public init(_ image: URL, _ reason: Reason) {
    path = image.path
    self.reason = reason
  }

  public var problem: String { "cannot use \(path) as a base: \(words)" }

  private var words: String {
    switch reason {
    case .wrongHash(let expected, let found): "its SHA-256 is \(found), but the project file has \(expected)"
    case .notAnImage(let kind):
      "it is \(kind), not a tar archive, a file system or a disk with a partition table"
    case .damaged(let what, let said):
      ([what] + said.split(separator: "\n").suffix(12).map { "  | \($0)" }).joined(separator: "\n")
    case .noPartition(let number, let available):
      "it has no partition \(number); it has \(available.isEmpty ? "none" : available.joined(separator: ", "))"
    case .unreadable(let place, let kind): "\(place) is \(kind), which cannot be read"
    case .noRoot(let seen):
      "no file system in it has both /etc/os-release and /var/lib/dpkg/status; it has \(seen.joined(separator: ", "))"
    case .severalRoots(let numbers):
      "the partitions \(numbers.map(String.init).joined(separator: ", ")) each contain a Debian"
    case .noDebian(let what): what
    case .wrongArchitecture(let found, let wanted): "it is for \(found), but the image's device class is for \(wanted)"
    case .noSuite(let system): "it is \(system), for which no Debian suite is known"
    }
  }

  public var remedy: String? {
    switch reason {
    case .wrongHash: "download it again, or write its SHA-256 into the project file if it is the right one"
    case .notAnImage, .unreadable:
      "use a tar archive of the root: mount it on a machine that can, and run `tar --create --xattrs --numeric-owner`"
    case .damaged: "download it again, and compare its SHA-256 with the publisher's"
    case .noPartition: "name another partition, or remove `partition`"
    case .noRoot, .noDebian: "use an image of Debian, or of a distribution that is based on Debian and uses dpkg"
    case .severalRoots: "name one of them: `base: { image: …, partition: … }`"
    case .wrongArchitecture: "use the publisher's image for this architecture, or another device class"
    case .noSuite: "name the suite of the packages: `base: { image: …, suite: … }`"
    }
  }
}
