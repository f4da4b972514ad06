import DebianArchive
import FoundationEssentials
import Glibc
import HostSystem
import LinuxSystem
import struct Bundle.ReleaseVersion
import struct LinuxSystem.ForeignTree

/// What is known of a base once it is imported.
public struct BaseFacts: Sendable, Codable, Equatable {
  /// A package that it brings.
  public struct Package: Sendable, Codable, Equatable {
    /// Name.
    public var name: String
    /// Version.
    public var version: String
    /// Architecture, `all` included.
    public var architecture: String

    /// Makes a row.
    public init(name: String, version: String, architecture: String) {
      self.name = name
      self.version = version
      self.architecture = architecture
    }
  }

  /// A kernel that it brings.
  public struct Kernel: Sendable, Codable, Equatable {
    /// Version, as in the names of its file and of the folder of its modules.
    public var version: String
    /// Packages that stand for it: the one that brought it, and those that depend on that one.
    public var packages: [String]

    /// Paths that a kernel of a version can have: by itself, or among its modules since Debian 14.
    public static func places(of version: String) -> [String] {
      ["boot/vmlinuz-\(version)", "usr/lib/modules/\(version)/vmlinuz", "lib/modules/\(version)/vmlinuz"]
    }
  }

  /// Suite of Debian by code name, where it says that it is one; else what it calls itself.
  public var suite: String?
  /// What it calls itself (`PRETTY_NAME` of `os-release(5)`).
  public var title: String
  /// Debian architecture, that of its dpkg.
  public var architecture: String
  /// Its packages, sorted by name.
  public var packages: [Package]
  /// Whether one of them makes initial RAM file systems (`linux-initramfs-tool`).
  public var makesInitialRAM: Bool
  /// Its kernels that have their modules, the newest last.
  public var kernels: [Kernel]

  /// Reads an imported tree.
  ///
  /// - Throws: ``BaseFailure`` where the tree is no Debian, `FileFailure`.
  init(of tree: URL, image: URL) throws {
    let tree = try ForeignTree(tree.path)
    func text(_ path: String, limit: Int) throws -> String? {
      do {
        return try tree.content(of: path, limit: limit).map { String(decoding: $0, as: UTF8.self) }
      } catch {
        throw BaseFailure(image, .noDebian("its /\(path) cannot be read: \(String(cString: strerror(error.code)))"))
      }
    }
    let releases = ["usr/lib/os-release", "etc/os-release"]
    guard let release = try releases.lazy.compactMap({ try text($0, limit: 1 << 16) }).first else {
      throw BaseFailure(image, .noDebian("its root has no /etc/os-release"))
    }
    guard let status = try text(BaseRoot.statusPath, limit: BaseRoot.statusLimit) else {
      throw BaseFailure(image, .noDebian("its root has no /var/lib/dpkg/status"))
    }
    let fields = Self.fields(of: release)
    let name = fields["ID"] ?? "unknown"
    title = fields["PRETTY_NAME"] ?? name
    suite = ["debian", "raspbian"].contains(name) ? fields["VERSION_CODENAME"] : nil
    let installed = ControlFile.paragraphs(status).filter { $0["Status"]?.hasSuffix(" installed") ?? false }
    packages = installed.compactMap { fields in
      guard let name = fields["Package"], let version = fields["Version"], let architecture = fields["Architecture"]
      else { return nil }
      return Package(name: name, version: version, architecture: architecture)
    }.sorted { ($0.name, $0.architecture) < ($1.name, $1.architecture) }
    guard let dpkg = packages.first(where: { $0.name == "dpkg" }) else {
      throw BaseFailure(image, .noDebian("dpkg is not among the packages of its /var/lib/dpkg/status"))
    }
    architecture = dpkg.architecture
    makesInitialRAM = installed.contains { $0["Provides"]?.contains("linux-initramfs-tool") ?? false }
    kernels = Self.kernels(in: tree).map { version in
      let package = "linux-image-\(version)"
      let standing = installed.filter { fields in
        let needs = (fields["Depends"] ?? "").split(whereSeparator: { " ,|(:".contains($0) })
        return fields["Package"] == package || needs.contains { $0 == package }
      }
      return Kernel(version: version, packages: standing.compactMap { $0["Package"] }.sorted())
    }
  }

  private static func kernels(in tree: ForeignTree) -> [String] {
    let inBoot = tree.names(in: "boot").filter { $0.hasPrefix("vmlinuz-") }.map {
      String($0.dropFirst("vmlinuz-".count))
    }
    let versions = Set(inBoot + tree.names(in: "usr/lib/modules") + tree.names(in: "lib/modules")).filter { version in
      Kernel.places(of: version).contains { tree.kind(of: $0) == .file }
    }
    return versions.filter { version in
      ["usr/lib/modules", "lib/modules"].contains { folder in
        ["modules.dep", "kernel"].contains { tree.kind(of: "\(folder)/\(version)/\($0)") != nil }
      }
    }.sorted { ReleaseVersion($0) < ReleaseVersion($1) }
  }

  /// `KEY=VALUE` by line, the value perhaps in quotes (`os-release(5)`).
  private static func fields(of text: String) -> [String: String] {
    var fields: [String: String] = [:]
    for line in text.split(separator: "\n") where !line.hasPrefix("#") {
      guard let equals = line.firstIndex(of: "=") else { continue }
      fields[String(line[..<equals])] = line[line.index(after: equals)...]
        .trimming { "\"' \t".contains($0) }
    }
    return fields
  }
}

/// An imported base: what the first layer of a system's root is.
public struct BaseRoot: Sendable {
  /// The tree: the lowest layer of a root.
  public let tree: URL
  /// Hash of all that the tree depends on.
  public let key: ContentHash
  /// Name of the image's file.
  public let name: String
  /// SHA-256 of the image's file.
  public let image: ContentHash
  /// What is known of it.
  public let facts: BaseFacts

  static let statusPath = "var/lib/dpkg/status"
  /// Most bytes of dpkg's status: a desktop of 3,000 packages has 5 MB of it.
  static let statusLimit = 64 << 20

  /// Text of dpkg's status.
  ///
  /// - Throws: `FileFailure`, `SystemError`.
  public func packageStatus() throws -> String {
    guard let text = try ForeignTree(tree.path).content(of: Self.statusPath, limit: Self.statusLimit) else {
      throw FileFailure("read", tree.appending(path: Self.statusPath).path, reason: "it is no file")
    }
    return String(decoding: text, as: UTF8.self)
  }
}
