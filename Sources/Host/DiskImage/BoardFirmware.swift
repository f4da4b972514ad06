/// The files by which a board without firmware in a chip of its own starts, on the first partition of its disk.
public struct BoardFirmware: Sendable, Equatable {
  /// A file of a package, and its name on the boot partition.
  public struct File: Sendable, Equatable {
    /// Path in the package.
    public var source: String
    /// Path on the boot partition.
    public var name: String

    public init(_ source: String, as name: String) {
      self.source = source
      self.name = name
    }
  }

  /// Debian packages with the files.
  public var packages: [String]
  public var files: [File]
  /// Content of `config.txt`.
  public var configuration: String

  public init(packages: [String], files: [File], configuration: String) {
    self.packages = packages
    self.files = files
    self.configuration = configuration
  }

  /// Name of the kernel that the firmware starts itself, in a slot's own boot partition.
  public static let kernel = "kernel8.img"
  /// Name of the initial RAM file system beside it.
  public static let initialRAM = "initramfs8"

  /// Name of the firmware's settings on the boot partition.
  static let configurationName = "config.txt"

  /// The fields by which two of them differ, for cache keys.
  public var identity: [String] {
    packages.map { "firmware package \($0)" } + files.map { "firmware file \($0.source) as \($0.name)" }
      + ["firmware settings \(configuration)"]
  }
}
