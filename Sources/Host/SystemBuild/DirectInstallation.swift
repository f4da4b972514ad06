import DebianArchive
import FoundationEssentials
import HostSystem
import Lock
import PackageInstallation
import Project
import Sandbox

/// Installs new packages without dpkg's reading of one archive after the other: `cultivar-installer` unpacks them side by side in a sandbox,
/// writes dpkg's database as dpkg itself writes it for packages that are unpacked (`dpkg(1)`, "Package states"), and has dpkg configure them.
///
/// Everything that has a rule of its own stays with dpkg: the order of configuring, conffiles, triggers. What the direct way does not
/// do is found before or while it is tried, and said; nothing of the tree is kept then.
struct DirectInstallation {
  /// Path of the decompressor in the sandbox.
  static let decompressor = "/run/cultivar/decompressor"

  private let plan: InstallationPlan
  /// Folders with the control files of the plan's packages.
  private let controls: [URL]

  /// Describes an installation.
  ///
  /// - Parameters:
  ///   - packages: The packages, with archive files and folders of control files.
  ///   - architecture: Debian architecture of the tree.
  ///   - pathRules: Rules for what of the archives is left out.
  ///   - isGround: True if the tree is empty.
  ///   - decompressor: The decompressor, which is at ``decompressor``; `dpkg-deb` decompresses where `nil`.
  /// - Throws: `FileFailure`.
  init(
    _ packages: [(file: URL, control: URL)], architecture: String, pathRules: [PathRule],
    isGround: Bool, decompressor: Decompressor?
  ) throws {
    var fields: [[String: String]] = []
    var byName: [String: [(package: InstallationPlan.Package, control: URL)]] = [:]
    for (file, control) in packages {
      let text = String(decoding: try FolderTree.readFile(control.appending(path: "control").path), as: UTF8.self)
      let paragraph = ControlFile.paragraphs(text).first ?? [:]
      let data = try PackageData(in: file.path)
      let package = InstallationPlan.Package(
        name: paragraph["Package"] ?? "", architecture: paragraph["Architecture"] ?? architecture,
        isMultiArch: paragraph["Multi-Arch"] == "same", archive: file.lastPathComponent, offset: UInt64(data.offset),
        size: UInt64(data.size), isXZ: data.isXZ)
      fields.append(paragraph)
      byName[package.name, default: []].append((package, control))
    }
    // Of one name there may be several architectures.
    let ordered = PreDependencyOrder.sorted(fields).flatMap { byName[$0] ?? [] }
    controls = ordered.map(\.control)
    var plan = InstallationPlan(
      architecture: architecture, archives: PackageScript.archives, tree: Sandbox.treePath)
    plan.packages = ordered.map(\.package)
    plan.rules = pathRules.map { .init(pattern: $0.pattern, isInclusion: $0.isInclusion) }
    if isGround { plan.mergedLinks = PackageScript.mergedLinks(architecture: architecture) }
    if let decompressor {
      plan.decompressor = decompressor.words(in: Self.decompressor)
      // The first stage begins at once: nothing of it is decompressed ahead.
      if !isGround { plan.ahead = AheadOfTime.place }
    }
    self.plan = plan
  }

  /// The reason why dpkg has to install the packages itself; `nil` where nothing speaks against the direct way.
  ///
  /// - Parameter status: Text of the status of what is installed.
  func obstacle(upon status: [UInt8]) -> String? {
    let installed = Set(
      String(decoding: status, as: UTF8.self).split(separator: "\n").compactMap {
        $0.hasPrefix("Package: ") ? $0.dropFirst("Package: ".count) : nil
      })
    return plan.packages.first { installed.contains(Substring($0.name)) }.map {
      "\($0.name) is installed in some version"
    }
  }

  /// Writes what the installer reads: the plan, and the packages' control files.
  ///
  /// - Throws: `FileFailure`.
  func write(to folder: URL) throws {
    try FolderTree.writeFile(folder.appending(path: "plan").path, with: plan.bytes)
    for (package, control) in zip(plan.packages, controls) {
      let place = folder.appending(path: "control/\(package.archive)")
      try FolderTree.create(place.path)
      try LinkedTree.add(control, to: place)
    }
  }

  /// Words of a shell that start the installer in a sandbox.
  static func command(_ verb: String) -> String {
    "exec \(InstallationPlan.program) \(verb) \(InstallationPlan.file)\n"
  }

  /// The installer for the sandbox.
  ///
  /// - Throws: `SandboxFailure` where it is missing.
  static func program() throws(SandboxFailure) -> Sandbox.Binding {
    Sandbox.Binding(try Sandbox.helper("cultivar-installer"), at: InstallationPlan.program)
  }
}

/// The order in which scripts run before anything is configured: a package after those that it pre-depends on, else by name.
enum PreDependencyOrder {
  /// Names of packages in that order; a circle is left at its first package.
  static func sorted(_ paragraphs: [[String: String]]) -> [String] {
    let byName = Dictionary(paragraphs.map { ($0["Package"] ?? "", $0) }) { first, _ in first }
    var result: [String] = []
    var seen: Set<String> = []
    func visit(_ name: String) {
      guard let fields = byName[name], seen.insert(name).inserted else { return }
      for needed in ControlFile.names(inRelation: fields["Pre-Depends"] ?? "") { visit(needed) }
      result.append(name)
    }
    // They make the users and the files that all others take for granted.
    for name in ["base-passwd", "base-files"] { visit(name) }
    for name in byName.keys.sorted() { visit(name) }
    return result
  }
}
