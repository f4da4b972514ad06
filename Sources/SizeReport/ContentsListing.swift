/// The files of a root file system, with their sizes and who brought them: `contents.json` of a build.
public struct ContentsListing: Codable, Sendable, Equatable {
  /// One regular file.
  public struct File: Codable, Sendable, Equatable {
    /// Absolute path in the image.
    public var path: String
    /// Bytes of its content.
    public var size: Int64
    /// Who brought it: `package curl`, `program web`, `kernel`.
    public var origin: String

    /// Makes a row.
    public init(path: String, size: Int64, origin: String) {
      self.path = path
      self.size = size
      self.origin = origin
    }
  }

  /// Name of the image.
  public var image: String
  /// The files, by path.
  public var files: [File]

  /// Makes a listing.
  public init(image: String, files: [File]) {
    self.image = image
    self.files = files
  }

  /// Bytes of all files.
  public var size: Int64 { files.reduce(0) { $0 + $1.size } }
}
