import DebianArchive
import FoundationEssentials
import Glibc
import Hashing
import HostSystem
import LinuxSystem
import struct Bundle.ReleaseVersion
import struct LinuxSystem.ForeignTree

/// Facts about a base, read when it is imported.
public struct BaseFacts: Sendable, Codable, Equatable {
  /// A package of a base.
  public struct Package: Sendable, Codable, Equatable {
    public var name: String
    public var version: String
    /// Debian architecture or `all`.
    public var architecture: String

    public init(name: String, version: String, architecture: String) {
      self.name = name
      self.version = version
      self.architecture = architecture
    }
  }

  /// A kernel of a base.
  public struct Kernel: Sendable, Codable, Equatable {
    /// Version, as in the names of the kernel's file and of its folder of modules.
    public var version: String
    /// The kernel's own package and those that depend on it.
    public var packages: [String]

    /// Possible paths of a kernel: in `/boot` or, since Debian 14, among its modules.
    public static func places(of version: String) -> [String] {
      ["boot/vmlinuz-\(version)", "usr/lib/modules/\(version)/vmlinuz", "lib/modules/\(version)/vmlinuz"]
    }
  }

  /// Code name of the Debian suite; `nil` if the base does not call itself Debian or Raspbian.
  public var suite: String?
  /// Name of the distribution (`PRETTY_NAME` of `os-release(5)`).
  public var title: String
  /// Debian architecture of the base's dpkg.
  public var architecture: String
  /// Installed packages, sorted by name.
  public var packages: [Package]
  /// True if a package of the base makes initial RAM file systems (`linux-initramfs-tool`).
  public var makesInitialRAM: Bool
  /// Kernels with modules, the newest last.
  public var kernels: [Kernel]

  /// Reads the facts from an imported tree.
  ///
  /// - Throws: ``BaseFailure`` if the tree is not a complete Debian, `FileFailure`.
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

  /// Parses lines of `KEY=VALUE`, with optional quotes around the value (`os-release(5)`).
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

/// An imported base.
public struct BaseRoot: Sendable {
  /// The folder of the tree; the lowest layer of a root.
  public let tree: URL
  /// Hash of everything that the tree depends on.
  public let key: Digest
  /// Name of the image file.
  public let name: String
  /// SHA-256 of the image file.
  public let image: Digest
  public let facts: BaseFacts

  static let statusPath = "var/lib/dpkg/status"
  /// Maximum size of dpkg's status file in bytes. A desktop of 3,000 packages has about 5 MB.
  static let statusLimit = 64 << 20

  /// Reads the content of dpkg's status file.
  ///
  /// - Throws: `FileFailure`, `SystemError`.
  public func packageStatus() throws -> String {
    guard let text = try ForeignTree(tree.path).content(of: Self.statusPath, limit: Self.statusLimit) else {
      throw FileFailure("read", tree.appending(path: Self.statusPath).path, reason: "it is not a regular file")
    }
    return String(decoding: text, as: UTF8.self)
  }
}
