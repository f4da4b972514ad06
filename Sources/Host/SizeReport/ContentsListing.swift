import HostSystem

/// What is in a root file system, with sizes and who brought it: `contents.json` of a build.
public struct ContentsListing: Codable, Sendable, Equatable {
  /// What an entry is.
  public enum Kind: String, Codable, Sendable {
    /// A regular file.
    case file
    /// A folder.
    case folder
    /// A symbolic link.
    case link
    /// A device node, a named pipe or a socket.
    case special
  }

  /// One entry.
  public struct Entry: Codable, Sendable, Equatable {
    /// Absolute path in the image.
    public var path: String
    /// What it is.
    public var kind: Kind
    /// Bytes of a regular file's content; 0 for the others.
    public var size: Int64
    /// Permission bits in octal, with set-user-id, set-group-id and sticky: `755`, `4755`.
    public var mode: String
    /// Numbers of owner and group: `0:0`.
    public var owner: String
    /// SHA-256 of a regular file's content.
    public var sha256: ContentHash?
    /// Target of a link.
    public var target: String?
    /// Who brought it: `package curl`, `program web`, `kernel`.
    public var origin: String

    /// Makes a row.
    public init(
      path: String, kind: Kind = .file, size: Int64 = 0, mode: String = "644", owner: String = "0:0",
      sha256: ContentHash? = nil, target: String? = nil, origin: String
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
  /// The entries, by path.
  public var entries: [Entry]

  /// Makes a listing.
  public init(image: String, entries: [Entry]) {
    self.image = image
    self.entries = entries
  }

  /// The regular files.
  public var files: [Entry] { entries.filter { $0.kind == .file } }
  /// Bytes of all files.
  public var size: Int64 { entries.reduce(0) { $0 + $1.size } }
}
