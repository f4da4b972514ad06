import TaggedFields

/// Everything that `cultivar-installer` needs to know to install new packages into a tree.
public struct InstallationPlan: Equatable, Sendable {
  /// A package to be installed.
  public struct Package: Equatable, Sendable {
    /// Its name.
    public var name: String
    /// Its Debian architecture, which may be `all`.
    public var architecture: String
    /// True if several architectures of it may be installed beside each other (`Multi-Arch: same`).
    public var isMultiArch: Bool
    /// Name of its archive file in ``archives``.
    public var archive: String
    /// Offset in bytes at which its compressed files begin in the archive.
    public var offset: UInt64
    /// Length in bytes of its compressed files.
    public var size: UInt64
    /// True if they are compressed by xz; `dpkg-deb` reads all others.
    public var isXZ: Bool

    /// Describes a package.
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

    /// The beginning of its files' names in dpkg's database: packages of which several architectures may be installed are told apart.
    public var stem: String { isMultiArch ? "\(name):\(architecture)" : name }
  }

  /// A rule for paths that are left out, or kept all the same (`path-exclude` and `path-include` of `dpkg(1)`).
  public struct Rule: Equatable, Sendable {
    /// Pattern of `fnmatch(3)`.
    public var pattern: String
    /// True if paths that match are kept.
    public var isInclusion: Bool

    /// Makes a rule.
    public init(pattern: String, isInclusion: Bool) {
      self.pattern = pattern
      self.isInclusion = isInclusion
    }
  }

  /// Folder of the installation's own files in the sandbox.
  public static let place = "/run/cultivar/installation"
  /// Path of the installer in the sandbox.
  public static let program = "/run/cultivar/installer"
  /// Path of the plan in the sandbox.
  public static let file = place + "/plan"
  /// Folder of the packages' control files in the sandbox: a folder for each package, of the name of its archive file.
  public static let control = place + "/control"

  /// Debian architecture of the tree.
  public var architecture: String
  /// Folder of the archive files in the sandbox.
  public var archives: String
  /// Path of the tree in the sandbox, for the work beside it.
  public var tree: String
  /// Names of the links into `usr` that are made first in an empty tree; none where the tree is not empty.
  public var mergedLinks: [String] = []
  /// Rules for the paths of packages; of those that match, the last one counts.
  public var rules: [Rule] = []
  /// Program that decompresses xz from its standard input to its standard output, with its arguments.
  public var decompressor: [String] = []
  /// Folder with archives that were decompressed ahead of time; empty for none.
  public var ahead = ""
  /// The packages, in the order in which their scripts run before anything is configured.
  public var packages: [Package] = []

  /// Makes a plan with no packages.
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

  /// The plan as tagged fields. Lists are texts that each end with a zero byte, which no path has.
  public var bytes: [UInt8] {
    var writer = FieldWriter()
    writer.add(Tag.architecture, text: architecture)
    writer.add(Tag.archives, text: archives)
    writer.add(Tag.tree, text: tree)
    writer.add(Tag.mergedLinks, Self.list(mergedLinks))
    writer.add(Tag.rules, Self.list(rules.flatMap { [$0.isInclusion ? "include" : "exclude", $0.pattern] }))
    writer.add(Tag.decompressor, Self.list(decompressor))
    writer.add(Tag.ahead, text: ahead)
    let rows = packages.flatMap { package in
      [
        package.name, package.architecture, package.isMultiArch ? "same" : "", package.archive, "\(package.offset)",
        "\(package.size)", package.isXZ ? "xz" : "",
      ]
    }
    writer.add(Tag.packages, Self.list(rows))
    return writer.bytes
  }

  /// Reads ``bytes``.
  ///
  /// - Throws: `FieldFailure`.
  public init(_ bytes: [UInt8]) throws(FieldFailure) {
    let subject = "the plan of an installation"
    var reader = try FieldReader(bytes[...], of: subject)
    func text(_ tag: UInt16, _ name: String) throws(FieldFailure) -> String {
      String(decoding: try reader.value(tag, name, length: 0...Int(Int32.max)), as: UTF8.self)
    }
    func list(_ tag: UInt16, _ name: String, of size: Int) throws(FieldFailure) -> [[String]] {
      let texts = try reader.value(tag, name, length: 0...Int(Int32.max)).split(
        separator: 0, omittingEmptySubsequences: false
      ).dropLast().map { String(decoding: $0, as: UTF8.self) }
      guard texts.count.isMultiple(of: size) else { throw FieldFailure("\(subject): \(name) are not whole") }
      return stride(from: 0, to: texts.count, by: size).map { Array(texts[$0..<$0 + size]) }
    }
    architecture = try text(Tag.architecture, "the architecture")
    archives = try text(Tag.archives, "the archives")
    tree = try text(Tag.tree, "the tree")
    mergedLinks = try list(Tag.mergedLinks, "the links", of: 1).map { $0[0] }
    rules = try list(Tag.rules, "the rules", of: 2).map { Rule(pattern: $0[1], isInclusion: $0[0] == "include") }
    decompressor = try list(Tag.decompressor, "the decompressor", of: 1).map { $0[0] }
    ahead = try text(Tag.ahead, "the folder of decompressed archives")
    for row in try list(Tag.packages, "the packages", of: 7) {
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

  private static func list(_ texts: [String]) -> [UInt8] { texts.flatMap { Array($0.utf8) + [0] } }
}
