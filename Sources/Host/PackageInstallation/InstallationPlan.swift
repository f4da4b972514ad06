import TaggedFields

/// The input of `cultivar-installer`: the new packages and the tree to install them into.
public struct InstallationPlan: Equatable, Sendable {
  /// A package to install.
  public struct Package: Equatable, Sendable {
    public var name: String
    /// The package's Debian architecture; may be `all`.
    public var architecture: String
    /// True if the package can be installed for several architectures at once (`Multi-Arch: same`).
    public var isMultiArch: Bool
    /// Name of the package's archive file in ``archives``.
    public var archive: String
    /// Offset of the compressed files in the archive file, in bytes.
    public var offset: UInt64
    /// Length of the compressed files in bytes.
    public var size: UInt64
    /// True if the files are compressed with xz. All others are read by `dpkg-deb`.
    public var isXZ: Bool

    public init(
      name: String, architecture: String, isMultiArch: Bool, archive: String, offset: UInt64, size: UInt64, isXZ: Bool
    ) {
      self.name = name
      self.architecture = architecture
      self.isMultiArch = isMultiArch
      self.archive = archive
      self.offset = offset
      self.size = size
      self.isXZ = isXZ
    }

    /// Beginning of the names of the package's files in dpkg's database. It has the architecture if several can be
    /// installed at once.
    public var stem: String { isMultiArch ? "\(name):\(architecture)" : name }
  }

  /// A rule that excludes paths, or includes them again (`path-exclude` and `path-include` of `dpkg(1)`).
  public struct Rule: Equatable, Sendable {
    /// Pattern of `fnmatch(3)`.
    public var pattern: String
    /// True if matching paths are included.
    public var isInclusion: Bool

    public init(pattern: String, isInclusion: Bool) {
      self.pattern = pattern
      self.isInclusion = isInclusion
    }
  }

  /// Folder of the installation's files in the sandbox.
  public static let place = "/run/cultivar/installation"
  /// Path of the installer in the sandbox.
  public static let program = "/run/cultivar/installer"
  /// Path of the plan in the sandbox.
  public static let file = place + "/plan"
  /// Folder of the packages' control files in the sandbox. Each package has a folder with the name of its archive file.
  public static let control = place + "/control"

  /// Debian architecture of the tree.
  public var architecture: String
  /// Folder of the archive files in the sandbox.
  public var archives: String
  /// Path of the tree in the sandbox, for the work outside the tree.
  public var tree: String
  /// Names of the links into `usr` that are made first in an empty tree; none for other trees.
  public var mergedLinks: [String] = []
  /// Rules for the paths of packages. The last matching rule counts.
  public var rules: [Rule] = []
  /// The command that decompresses xz from standard input to standard output, with its arguments.
  public var decompressor: [String] = []
  /// Folder with archives that are decompressed in advance; empty for none.
  public var ahead = ""
  /// The packages, in the order in which their `preinst` scripts run, before any package is configured.
  public var packages: [Package] = []

  public init(architecture: String, archives: String, tree: String) {
    self.architecture = architecture
    self.archives = archives
    self.tree = tree
  }
}

extension InstallationPlan {
  private enum Tag {
    static let architecture: UInt16 = 1
    static let archives: UInt16 = 2
    static let tree: UInt16 = 3
    static let mergedLinks: UInt16 = 4
    static let rules: UInt16 = 5
    static let decompressor: UInt16 = 6
    static let ahead: UInt16 = 7
    static let packages: UInt16 = 8
  }

  /// The plan as tagged fields.
  public var bytes: [UInt8] {
    var writer = FieldWriter()
    writer.add(Tag.architecture, text: architecture)
    writer.add(Tag.archives, text: archives)
    writer.add(Tag.tree, text: tree)
    writer.add(Tag.mergedLinks, list: mergedLinks)
    writer.add(Tag.rules, list: rules.flatMap { [$0.isInclusion ? "include" : "exclude", $0.pattern] })
    writer.add(Tag.decompressor, list: decompressor)
    writer.add(Tag.ahead, text: ahead)
    let rows = packages.flatMap { package in
      [
        package.name, package.architecture, package.isMultiArch ? "same" : "", package.archive, "\(package.offset)",
        "\(package.size)", package.isXZ ? "xz" : "",
      ]
    }
    writer.add(Tag.packages, list: rows)
    return writer.bytes
  }

  /// Parses ``bytes``.
  ///
  /// - Throws: `FieldFailure`.
  public init(_ bytes: [UInt8]) throws(FieldFailure) {
    let subject = "the plan of an installation"
    var reader = try FieldReader(bytes[...], of: subject)
    architecture = try reader.anyText(Tag.architecture, "the architecture")
    archives = try reader.anyText(Tag.archives, "the archives")
    tree = try reader.anyText(Tag.tree, "the tree")
    mergedLinks = try reader.list(Tag.mergedLinks, "the links")
    rules = try reader.rows(Tag.rules, "the rules", of: 2).map { Rule(pattern: $0[1], isInclusion: $0[0] == "include") }
    decompressor = try reader.list(Tag.decompressor, "the decompressor")
    ahead = try reader.anyText(Tag.ahead, "the folder of decompressed archives")
    for row in try reader.rows(Tag.packages, "the packages", of: 7) {
      guard let offset = UInt64(row[4]), let size = UInt64(row[5]) else {
        throw FieldFailure("\(subject): a package's place is not a number")
      }
      packages.append(
        Package(
          name: row[0], architecture: row[1], isMultiArch: row[2] == "same", archive: row[3], offset: offset,
          size: size, isXZ: row[6] == "xz"))
    }
    try reader.finish()
  }
}
