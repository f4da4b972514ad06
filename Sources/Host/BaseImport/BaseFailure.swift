import FoundationEssentials
import HostSystem

/// A published image that cannot be the base of a system.
public struct BaseFailure: ExplainedError {
  /// The image.
  public var path: String
  /// Why it cannot.
  public var reason: Reason

  /// Why an image cannot be a base.
  public enum Reason: Sendable, Equatable {
    /// It is not the image that the project names.
    case wrongHash(expected: String, found: String)
    /// It is neither an archive nor a disk.
    case notAnImage(String)
    /// It does not unpack, or ends early, or its file system is damaged.
    case damaged(String, said: String)
    /// The table does not have the partition that the project names.
    case noPartition(Int, available: [String])
    /// A part of it is in a form that is not read.
    case unreadable(place: String, kind: String)
    /// No partition holds a Debian.
    case noRoot(seen: [String])
    /// Several partitions hold a Debian.
    case severalRoots([Int])
    /// What it holds is no Debian that is whole, for this reason.
    case noDebian(String)
    /// It is for other processors.
    case wrongArchitecture(found: String, wanted: String)
    /// It does not say which suite it is of.
    case noSuite(system: String)
  }

  /// Makes a failure.
  public init(_ image: URL, _ reason: Reason) {
    path = image.path
    self.reason = reason
  }

  /// What was being done, and what was wrong.
  public var problem: String { "cannot take \(path) as a base: \(words)" }

  private var words: String {
    switch reason {
    case .wrongHash(let expected, let found): "its SHA-256 is \(found), and the project says \(expected)"
    case .notAnImage(let kind):
      "it is \(kind), and neither a tar archive, nor a file system, nor a disk with a partition table"
    case .damaged(let what, let said):
      ([what] + said.split(separator: "\n").suffix(12).map { "  | \($0)" }).joined(separator: "\n")
    case .noPartition(let number, let available):
      "it has no partition \(number); it has \(available.isEmpty ? "none" : available.joined(separator: ", "))"
    case .unreadable(let place, let kind): "\(place) is \(kind), which cannot be read"
    case .noRoot(let seen):
      "nothing in it has both /etc/os-release and /var/lib/dpkg/status; it has \(seen.joined(separator: ", "))"
    case .severalRoots(let numbers):
      "the partitions \(numbers.map(String.init).joined(separator: ", ")) each hold a Debian"
    case .noDebian(let what): what
    case .wrongArchitecture(let found, let wanted): "it is for \(found), and the image's device class for \(wanted)"
    case .noSuite(let system): "it is \(system), and no suite of Debian is known to fit"
    }
  }

  /// What the user can do now.
  public var remedy: String? {
    switch reason {
    case .wrongHash: "fetch it again, or write its SHA-256 into the project file if it is the right one"
    case .notAnImage, .unreadable:
      "take the root as a tar archive: mount it where it can be mounted, and `tar --create --xattrs --numeric-owner` it"
    case .damaged: "fetch it again, and compare its SHA-256 with the publisher's"
    case .noPartition: "name another one, or leave `partition` out"
    case .noRoot, .noDebian: "take an image of Debian, or of a distribution made of it, whose packages dpkg knows"
    case .severalRoots: "name one of them: `base: { image: …, partition: … }`"
    case .wrongArchitecture: "take the publisher's image for this architecture, or another device class"
    case .noSuite: "name the suite that packages come from: `base: { image: …, suite: … }`"
    }
  }
}
