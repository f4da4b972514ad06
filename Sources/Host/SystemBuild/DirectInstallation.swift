import DebianArchive
import FoundationEssentials
import HostSystem
import Lock
import PackageInstallation
import Project
import Sandbox

/// Installs new packages faster than dpkg, which reads one archive after the other. `cultivar-installer` unpacks the
/// packages in parallel in a sandbox, writes dpkg's database as dpkg writes it for unpacked packages (`dpkg(1)`,
/// "Package states"), and lets dpkg configure them.
///
/// dpkg still handles everything with rules of its own: the order of configuration, conffiles, triggers. Cases that
/// this installation does not support are detected before or during the attempt and reported; the tree is then
/// discarded.
struct DirectInstallation {
  /// Path of the decompressor in the sandbox.
  static let decompressor = "/run/cultivar/decompressor"

  private let plan: InstallationPlan
  /// Folders with the packages' control files, in the order of the plan.
  private let controls: [URL]

  /// Plans an installation.
  ///
  /// - Parameters:
  ///   - packages: For each package, the archive file and the folder of control files.
  ///   - architecture: Debian architecture of the tree.
  ///   - pathRules: Rules for paths of archives that are left out.
  ///   - isGround: True if the tree is empty.
  ///   - decompressor: The decompressor, which the sandbox has at ``decompressor``. If `nil`, `dpkg-deb` decompresses.
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
    // There may be several architectures of one name.
    let ordered = PreDependencyOrder.sorted(fields).flatMap { byName[$0] ?? [] }
    controls = ordered.map(\.control)
    var plan = InstallationPlan(
      architecture: architecture, archives: PackageScript.archives, tree: Sandbox.treePath)
    plan.packages = ordered.map(\.package)
    plan.rules = pathRules.map { .init(pattern: $0.pattern, isInclusion: $0.isInclusion) }
    if isGround { plan.mergedLinks = PackageScript.mergedLinks(architecture: architecture) }
    if let decompressor {
      plan.decompressor = decompressor.words(in: Self.decompressor)
      // The first stage begins at once, so none of its archives are decompressed ahead.
      if !isGround { plan.ahead = AheadOfTime.place }
    }
    self.plan = plan
  }

  /// The reason why dpkg has to install the packages itself; `nil` if this installation is possible.
  ///
  /// - Parameter status: Content of dpkg's status file for the installed packages.
  func obstacle(upon status: [UInt8]) -> String? {
    let installed = Set(
      String(decoding: status, as: UTF8.self).split(separator: "\n").compactMap {
        $0.hasPrefix("Package: ") ? $0.dropFirst("Package: ".count) : nil
      })
    return plan.packages.first { installed.contains(Substring($0.name)) }.map {
      "\($0.name) is installed in some version"
    }
  }

  /// Writes the installer's input: the plan, and the packages' control files.
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

  /// A shell command that starts the installer in a sandbox.
  static func command(_ verb: String) -> String {
    "exec \(InstallationPlan.program) \(verb) \(InstallationPlan.file)\n"
  }

  /// The binding of the installer's executable into the sandbox.
  ///
  /// - Throws: `SandboxFailure` if the executable is missing.
  static func program() throws(SandboxFailure) -> Sandbox.Binding {
    Sandbox.Binding(try Sandbox.helper("cultivar-installer"), at: InstallationPlan.program)
  }
}

/// The order in which scripts run before packages are configured: a package after its `Pre-Depends`, otherwise by name.
enum PreDependencyOrder {
  /// Sorts names of packages. A cycle is broken at its first package.
  static func sorted(_ paragraphs: [[String: String]]) -> [String] {
    let byName = Dictionary(paragraphs.map { ($0["Package"] ?? "", $0) }) { first, _ in first }
    var result: [String] = []
    var seen: Set<String> = []
    func visit(_ name: String) {
      guard let fields = byName[name], seen.insert(name).inserted else { return }
      for needed in ControlFile.names(inRelation: fields["Pre-Depends"] ?? "") { visit(needed) }
      result.append(name)
    }
    // These two make the users and files that all other packages require.
    for name in ["base-passwd", "base-files"] { visit(name) }
    for name in byName.keys.sorted() { visit(name) }
    return result
  }
}
