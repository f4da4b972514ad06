import Hashing
import HostSystem

/// The entries of a root file system with sizes and origins; `contents.json` of a build.
public struct ContentsListing: Codable, Sendable, Equatable {
  /// The type of an entry.
  public enum Kind: String, Codable, Sendable {
    case file
    case folder
    case link
    /// A device node, a named pipe or a socket.
    case special
  }

  public struct Entry: Codable, Sendable, Equatable {
    /// Absolute path in the image.
    public var path: String
    public var kind: Kind
    /// Size of a regular file in bytes; 0 for other types.
    public var size: Int64
    /// Permission bits in octal, including set-user-ID, set-group-ID and sticky: `755`, `4755`.
    public var mode: String
    /// Numbers of owner and group: `0:0`.
    public var owner: String
    /// SHA-256 of a regular file's content; `nil` for other types.
    public var sha256: Digest?
    /// Target of a link.
    public var target: String?
    /// The part of the build that added the entry: `package curl`, `program web`, `kernel`.
    public var origin: String

    public init(
      path: String, kind: Kind = .file, size: Int64 = 0, mode: String = "644", owner: String = "0:0",
      sha256: Digest? = nil, target: String? = nil, origin: String
    ) {
      self.path = path
      self.kind = kind
      self.size = size
      self.mode = mode
      self.owner = owner
      self.sha256 = sha256
      self.target = target
      self.origin = origin
    }
  }

  /// Name of the image.
  public var image: String
  /// The entries, sorted by path.
  public var entries: [Entry]

  public init(image: String, entries: [Entry]) {
    self.image = image
    self.entries = entries
  }

  public var files: [Entry] { entries.filter { $0.kind == .file } }
  /// Total size of all files in bytes.
  public var size: Int64 { entries.reduce(0) { $0 + $1.size } }
}
