import DebianArchive
import DeviceModel
import FoundationEssentials
import HostSystem
import struct LinuxSystem.ForeignTree
import Lock
import Project
import RootFilesystem
import Spelling

/// Builds the root file system of an appliance.
struct RootTree {
  private(set) var tree = FileTree()
  /// Debian packages with files in the tree.
  private(set) var packages: [DebianPackage] = []
  /// Names of packages whose files are all in the tree; of the others, only libraries are.
  private var wholePackages: Set<String> = []

  private let image: ImageDefinition
  private let device: DeviceClass
  private let users: UserIDs

  /// Parts of packages that an appliance does not need, such as documentation. Copyright files stay.
  private static let unwanted = [
    "usr/share/man", "usr/share/info", "usr/share/lintian", "usr/share/locale", "usr/share/bash-completion",
    "usr/share/bug", "usr/lib/systemd", "usr/lib/sysusers.d", "usr/lib/tmpfiles.d", "etc/init.d", "etc/apparmor.d",
    "etc/cron.d", "etc/cron.daily", "etc/default", "etc/logrotate.d", "etc/network",
    // dhcpcd's plug-in that waits for udev, which an appliance does not have.
    "usr/lib/x86_64-linux-gnu/dhcpcd", "usr/lib/aarch64-linux-gnu/dhcpcd",
  ]

  /// Starts with the parts of every appliance: folders, links, accounts, and the device executable.
  ///
  /// - Throws: `FileTreeConflict`, `FileFailure`.
  init(image: ImageDefinition, device: DeviceClass, users: UserIDs, identity: ImageIdentity, executable: URL) throws {
    self.image = image
    self.device = device
    self.users = users
    try tree.addMergedUsr()
    let folders: [(path: String, mode: UInt32)] = [
      ("boot", 0o755), ("data", 0o755), ("dev", 0o755), ("etc", 0o755), ("mnt", 0o755), ("proc", 0o555),
      ("root", 0o700), ("run", 0o755), ("sys", 0o555), ("tmp", 0o1777), ("var", 0o755),
    ]
    for folder in folders { try tree.add(folder.path, .folder, mode: folder.mode, from: Self.own) }
    if image.initProgram == nil { try addDeviceSoftware(executable) }
    try addBasics(identity)
  }

  private mutating func addDeviceSoftware(_ executable: URL) throws {
    try tree.addFile(DevicePaths.executable, from: executable.path, mode: 0o755, origin: Self.own)
    for role in [
      DevicePaths.initProgram, DevicePaths.daemon, DevicePaths.control, DevicePaths.updater, DevicePaths.dhcpHook,
    ] {
      try tree.add(role, .link(DevicePaths.executable), mode: 0o777, from: Self.own)
    }
  }

  private static let own = "cultivar"

  private mutating func addText(_ path: String, _ text: String, mode: UInt32 = 0o644) throws {
    try tree.replace(path, .file(.bytes(Array(text.utf8))), mode: mode, from: Self.own)
  }

  private mutating func addBasics(_ identity: ImageIdentity) throws {
    try addText("etc/passwd", users.passwd)
    try addText("etc/group", users.group)
    try addText("etc/hostname", image.hostname + "\n")
    try addText(String(HostsFile.path.dropFirst()), HostsFile.text(hostname: image.hostname))
    try addText("etc/nsswitch.conf", "passwd: files\ngroup: files\nhosts: files dns\n")
    try addText(
      "usr/lib/os-release",
      """
      NAME="Cultivar"
      ID=cultivar
      PRETTY_NAME="\(identity.project) \(identity.image) \(identity.version)"
      IMAGE_ID=\(identity.image)
      IMAGE_VERSION=\(identity.version)

      """)
    let links = [
      ("etc/os-release", "../usr/lib/os-release"), ("etc/resolv.conf", DevicePaths.resolvConf),
      ("etc/mtab", "/proc/self/mounts"), ("etc/machine-id", "/run/machine-id"),
      ("etc/localtime", "/usr/share/zoneinfo/\(image.timezone)"),
    ]
    for (path, target) in links { try tree.add(path, .link(target), mode: 0o777, from: Self.own) }
  }

  /// Adds the CA certificates that Debian trusts, as one file, and the time zone database.
  ///
  /// - Throws: ``ImageFailure/unknownTimeZone(_:similar:)``, `FileTreeConflict`, `FileFailure`.
  mutating func addBaseData(_ found: [DebianPackage], trees: [URL]) throws {
    for (package, folder) in zip(found, trees) {
      note(package)
      wholePackages.insert(package.name)
      switch package.name {
      case "ca-certificates": try addCertificates(folder)
      default:
        try tree.addFolder(folder.path, keepModes: true, origin: "package \(package.name)") { Self.isWanted($0) }
      }
    }
    try checkTimeZone()
  }

  private func checkTimeZone() throws {
    let folder = "usr/share/zoneinfo/"
    // A region like `Europe` is a folder, and tables about zones begin with other bytes than a zone file (RFC 9636).
    guard let file = tree.resolve(folder + image.timezone), case .file(let content) = tree[file]?.kind,
      try content.bytes().starts(with: Array("TZif".utf8))
    else {
      let names = tree.paths.filter { $0.hasPrefix(folder) }.map { String($0.dropFirst(folder.count)) }
      throw ImageFailure.unknownTimeZone(
        image.timezone, similar: NearestName.nearest(to: image.timezone, among: names.filter { $0 != image.timezone }))
    }
  }

  private mutating func addCertificates(_ folder: URL) throws {
    let source = folder.appending(path: "usr/share/ca-certificates/mozilla")
    let names = try FileManager.default.contentsOfDirectory(atPath: source.path).filter { $0.hasSuffix(".crt") }
    var bundle: [UInt8] = []
    for name in names.sorted() {
      bundle += try FolderTree.readFile(source.appending(path: name).path)
      if bundle.last != 0x0a { bundle.append(0x0a) }
    }
    try tree.add(
      "etc/ssl/certs/ca-certificates.crt", .file(.bytes(bundle)), mode: 0o644, from: "package ca-certificates")
    try tree.add("etc/ssl/cert.pem", .link("certs/ca-certificates.crt"), mode: 0o777, from: "package ca-certificates")
  }

  private static func isWanted(_ path: String) -> Bool {
    if unwanted.contains(where: { path == $0 || path.hasPrefix($0 + "/") }) { return false }
    guard path.hasPrefix("usr/share/doc/") else { return true }
    let depth = path.split(separator: "/").count
    return depth == 4 || path.hasSuffix("/copyright")
  }

  /// Adds the files of a program's packages.
  mutating func addPackages(_ found: [DebianPackage], trees: [URL]) throws {
    for (package, folder) in zip(found, trees) where wholePackages.insert(package.name).inserted {
      note(package)
      try tree.addFolder(folder.path, keepModes: true, origin: "package \(package.name)") { Self.isWanted($0) }
    }
  }

  private mutating func note(_ package: DebianPackage) {
    if !packages.contains(package) { packages.append(package) }
  }

  /// Adds missing libraries from the dependencies of the programs' packages.
  mutating func addLibraries(from closure: [DebianPackage], archive: DebianArchive) async throws {
    // Search packages that are libraries by name before packages that happen to contain one.
    let order = closure.filter { !wholePackages.contains($0.name) }.sorted {
      ($0.name.hasPrefix("lib") ? 0 : 1, $0.name) < ($1.name.hasPrefix("lib") ? 0 : 1, $1.name)
    }
    let libraries = SharedLibraries(architecture: device.architecture)
    try await libraries.complete(
      &tree,
      from: order.map { package in
        (
          package.name,
          { @Sendable in
            guard let tree = try await archive.trees(of: [package]).first else {
              throw FileFailure("unpack", package.label, reason: "it is not in the cache")
            }
            return tree
          }
        )
      })
    let origins = Set(tree.paths.compactMap { tree[$0]?.origin })
    for package in order where origins.contains("package \(package.name)") { note(package) }
  }

  /// Adds a program's files, and its executable if it does not come from a package.
  ///
  /// - Throws: ``ImageFailure``, `FileTreeConflict`, `FileFailure`.
  mutating func add(_ program: ProgramDefinition, executable: URL?) throws {
    let place = PlannedPrograms.installedPath(program)
    if let executable {
      try tree.addFile(place, from: executable.path, mode: 0o755, origin: "program \(program.name)")
    }
    try ExecutableCheck(program: program, architecture: device.architecture, tree: tree)
      .check(place, shown: executable?.path ?? place)
    try addFiles(program.files, origin: "program \(program.name)")
  }

  /// Checks that the packages of a program contain its executable. Does nothing for programs from other sources.
  ///
  /// - Throws: ``ImageFailure``.
  func checkExecutable(of program: ProgramDefinition) throws {
    guard case .debian(_, let place) = program.source else { return }
    if tree.resolve(place) == nil {
      let name = place.split(separator: "/").last.map(String.init) ?? place
      let similar = tree.paths.filter { $0.hasSuffix("/\(name)") && $0.contains("bin/") }.map { "/\($0)" }
      throw ImageFailure.noExecutableInPackages(
        program: program.name, path: place, similar: similar, position: program.position)
    }
  }

  /// If an executable is a link into another package among the dependencies, adds that package. For example,
  /// redis-server is a link to a program of redis-tools.
  mutating func addTarget(of executable: String, from closure: [DebianPackage], archive: DebianArchive) async throws {
    // A link may lead to another link.
    var others = closure.filter { !wholePackages.contains($0.name) }
    while let missing = tree.missingTarget(of: executable) {
      let trees = try await archive.trees(of: others)
      let index = try trees.firstIndex { try ForeignTree($0.path).kind(of: missing) == .file }
      guard let index else { return }
      try addPackages([others[index]], trees: [trees[index]])
      others.remove(at: index)
    }
  }

  /// Adds files of the project.
  mutating func addFiles(_ files: [FileDefinition], origin: String) throws {
    for file in files {
      var isFolder: Bool = false
      _ = FileManager.default.fileExists(atPath: file.source.path, isDirectory: &isFolder)
      if isFolder {
        try tree.addFolder(file.source.path, at: file.path, keepModes: false, origin: origin)
      } else {
        try tree.addFile(file.path, from: file.source.path, mode: file.mode, origin: origin)
      }
    }
  }

  /// Adds Cultivar's configuration files, replacing examples from packages.
  mutating func addConfiguration(_ texts: [String: String]) throws {
    for (path, text) in texts.sorted(by: { $0.key < $1.key }) { try addText(path, text) }
  }

  /// Gives the database of radio rules the name that the kernel reads. Debian's package leaves this to a script.
  ///
  /// - Throws: `FileFailure` if the package does not have the database.
  mutating func linkWirelessRules() throws {
    for name in ["regulatory.db", "regulatory.db.p7s"] {
      let path = "usr/lib/firmware/\(name)"
      guard tree[path] == nil else { continue }
      // Every kernel has the keys of its authors; Debian's kernels have Debian's as well.
      guard let found = ["\(name)-upstream", "\(name)-debian"].first(where: { tree["usr/lib/firmware/\($0)"] != nil })
      else {
        throw FileFailure("find", path, reason: "the package \(SystemPrograms.wirelessRules) does not have it")
      }
      try tree.add(path, .link(found), mode: 0o777, from: Self.own)
    }
  }

  /// Adds kernel modules with their indexes.
  mutating func addModules(_ modules: KernelModules) throws {
    try tree.addFolder(modules.folder.path, keepModes: false, origin: "kernel")
  }

  /// Adds the updater's plan and root of trust.
  mutating func add(_ updates: DeviceUpdates, _ identity: ImageIdentity, time: Int64) throws {
    try tree.add(UpdatePlan.trustRoot, .file(.bytes(updates.trust)), mode: 0o644, from: Self.own)
    try tree.add(
      UpdatePlan.path, .file(.bytes(try updates.plan(identity, time: time))), mode: 0o644, from: Self.own)
  }

  /// Replaces the updater's plan, once the hash of the build is known.
  mutating func replacePlan(_ updates: DeviceUpdates, _ identity: ImageIdentity, time: Int64) throws {
    try tree.replace(
      UpdatePlan.path, .file(.bytes(try updates.plan(identity, time: time))), mode: 0o644, from: Self.own)
  }

  /// Adds the plan of the management API.
  mutating func add(_ management: ManagementPlan) throws {
    try tree.add(ManagementPlan.path, .file(.bytes(try PlanText.encode(management))), mode: 0o644, from: Self.own)
  }

  /// Adds the device plan. It contains the hash of the build, which covers everything else in the tree.
  mutating func addPlan(_ plan: DevicePlan) throws {
    try tree.add(DevicePlan.path, .file(.bytes(try PlanText.encode(plan))), mode: 0o644, from: Self.own)
  }

  /// Checks that every file in the tree has the libraries that it needs.
  ///
  /// - Throws: ``ImageFailure/missingLibraries(_:)``.
  func checkLibraries() throws {
    let needs = try SharedLibraries(architecture: device.architecture).unmet(in: tree)
    guard needs.isEmpty else {
      throw ImageFailure.missingLibraries(
        needs.map { .init(file: "/\($0.file)", origin: $0.origin, missing: $0.missing) })
    }
  }
}

/// Encodes plans.
enum PlanText {
  /// Encodes a plan as JSON with sorted keys, so that the same plan gives the same bytes.
  static func encode(_ plan: some Encodable) throws -> [UInt8] {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    return Array(try encoder.encode(plan))
  }
}
