import DebianArchive
import FoundationEssentials
import HostSystem
import Lock
import PackageInstallation
import Project
import Sandbox

/// Versions of the packages in a root, by name.
struct InstalledVersions {
  private(set) var byName: [String: String] = [:]

  /// Records a package as installed.
  mutating func add(_ name: String, _ version: String) { byName[name] = version }

  /// Records packages as installed and others as removed.
  mutating func add(_ packages: [DebianPackage], without removed: [String] = []) {
    for name in removed { byName[name] = nil }
    byName = with(packages)
  }

  /// The versions after installing further packages.
  func with(_ packages: [DebianPackage]) -> [String: String] {
    packages.reduce(into: byName) { $0[$1.name] = $1.version }
  }

  /// The versions without the packages that dpkg installs or removes. dpkg cannot replace a file that a twin is mounted
  /// over.
  func untouched(by packages: [DebianPackage], removing removed: [String]) -> [String: String] {
    (packages.map(\.name) + removed).reduce(into: byName) { $0[$1] = nil }
  }
}

/// Installs packages into a root. Each stage becomes a layer.
struct PackageInstaller: Sendable {
  let archive: DebianArchive
  let cache: Cache
  let progress: BuildProgress
  let sandbox: Sandbox
  /// Environment of maintainer scripts.
  let environment: [String: String]
  let way: SystemBuilder.Installer
  let foreign: ForeignPrograms?
  let decompressor: Decompressor?
  /// Folder of archives that were decompressed ahead of time.
  let ahead: URL
  let architecture: String
  let pathRules: [PathRule]

  /// Called with a stage's layer when its archives are unpacked and before its scripts run. Not called when dpkg does
  /// both.
  typealias Unpacked = @Sendable (_ upper: URL) -> Void

  /// Removes paths of a base that the path rules exclude.
  func addPathRules(to stack: inout RootStack) async throws {
    guard !pathRules.isEmpty else { return }
    let key = try stack.key("path rules 1") {
      for rule in pathRules { $0.add([rule.pattern, rule.isInclusion ? "in" : "out"]) }
    }
    let lower = stack.lower
    try await stack.add(key, called: "paths excluded from the base") { upper in
      try await sandbox.run(
        PackageScript.apply(pathRules), root: .overlay(lower: lower, upper: upper),
        to: "remove the paths that the layers exclude")
    }
  }

  func addEssential(
    _ packages: [DebianPackage], upon installed: InstalledVersions, to stack: inout RootStack,
    unpacked: @escaping Unpacked
  ) async throws {
    let key = try stack.key("essential packages 3") {
      $0.add(packages.map(\.sha256.text))
      for rule in pathRules { $0.add([rule.pattern, rule.isInclusion ? "in" : "out"]) }
    }
    let lower = stack.lower
    try await stack.add(key, installing: packages, called: "\(packages.count) essential packages") { upper in
      try await fetch(packages, called: "the essential packages")
      let direct = try await directInstallation(of: packages, isGround: true)
      let attempt = Attempt(
        installation: direct, status: [], lower: lower, upper: upper, twins: twins(for: installed.with(packages)),
        unpacked: unpacked)
      try await install("the essential packages", attempt) { _ in
        let order = try await archive.plan(
          installing: packages, removing: [], upon: [], architecture: architecture)
        let files = try await archive.installationFiles(of: packages, in: order)
        try await sandbox.run(
          PackageScript.unpackGround(files, tree: Sandbox.treePath, architecture: architecture),
          root: .overlay(lower: lower, upper: upper), place: .beside, bindings: [archives],
          to: "unpack the essential packages")
        try await sandbox.run(
          PackageScript.installEssential(files, architecture: architecture, pathRules: pathRules),
          root: .overlay(lower: lower, upper: upper), bindings: [archives], environment: environment,
          to: "install the essential packages")
      }
    }
  }

  func addPackages(
    _ packages: [DebianPackage], removing removed: [String], called name: String, upon installed: InstalledVersions,
    to stack: inout RootStack, unpacked: @escaping Unpacked = { _ in }
  ) async throws {
    guard !packages.isEmpty || !removed.isEmpty else { return }
    let key = try stack.key("packages 2") {
      $0.add(packages.map(\.sha256.text))
      $0.add(removed)
    }
    let current = stack
    try await stack.add(key, installing: packages, called: "\(packages.count) packages of \(name)") { upper in
      try await fetch(packages, called: "\(packages.count) packages of \(name)")
      let status = current.file("var/lib/dpkg/status") ?? []
      let direct = removed.isEmpty ? try await directInstallation(of: packages, isGround: false) : nil
      let attempt = Attempt(
        installation: direct, status: status, lower: current.lower, upper: upper,
        twins: twins(for: installed.with(packages)), unpacked: unpacked)
      try await install(
        "\(packages.count) packages of \(name)", attempt,
        or: twins(for: installed.untouched(by: packages, removing: removed))
      ) { twins in
        let order = try await archive.plan(
          installing: packages, removing: removed, upon: status, architecture: architecture)
        let script = PackageScript.install(
          order, files: try await archive.namedFiles(of: packages),
          preDepends: try await archive.preDepends(of: packages))
        let kept = try await sandbox.run(
          script, root: .overlay(lower: current.lower, upper: upper), bindings: [archives], environment: environment,
          twins: twins, to: "install the packages of \(name)")
        for file in kept.split(separator: "\n") {
          await progress.warning(
            "an earlier layer changed \(file), so it is kept; the packages of \(name) contain another version",
            remedy: "compare them, or change the file in a layer after \(name)")
        }
      }
    }
  }

  private func fetch(_ packages: [DebianPackage], called name: String) async throws {
    guard !archive.missing(packages).isEmpty else { return }
    try await progress.step("fetch \(name)") {
      _ = try await archive.files(of: packages)
    }
  }

  private func directInstallation(
    of packages: [DebianPackage], isGround: Bool
  ) async throws -> DirectInstallation {
    let (files, controls) = (try await archive.files(of: packages), try await archive.controlFolders(of: packages))
    return try DirectInstallation(
      Array(zip(files, controls)), architecture: architecture,
      pathRules: pathRules, isGround: isGround, decompressor: decompressor)
  }

  /// An attempt to install packages directly.
  private struct Attempt: Sendable {
    /// The installation; `nil` if packages are removed, which only dpkg does.
    var installation: DirectInstallation?
    /// The tree's dpkg status file before the installation.
    var status: [UInt8]
    var lower: [URL]
    var upper: URL
    var twins: Sandbox.Twins?
    var unpacked: Unpacked
  }

  /// Installs packages directly or, if that is not possible, with dpkg.
  ///
  /// - Parameters:
  ///   - twins: Native twins for dpkg, which cannot replace a file that a twin is mounted over.
  ///   - byDPKG: Installs with dpkg into the emptied upper layer.
  private func install(
    _ title: String, _ attempt: Attempt, or twins: Sandbox.Twins? = nil,
    byDPKG: @Sendable @escaping (Sandbox.Twins?) async throws -> Void
  ) async throws {
    try await progress.step("install \(title)") {
      guard let reason = try await obstacle(to: attempt) else { return }
      await progress.remark("dpkg installs \(title): \(reason)")
      try Self.empty(attempt.upper)
      try await using(twins, in: attempt.upper, byDPKG)
    }
  }

  /// Tries to install packages directly. Returns the reason if that is not possible.
  private func obstacle(to attempt: Attempt) async throws -> String? {
    guard way == .direct else { return "it was requested" }
    guard let installation = attempt.installation else { return "packages are removed" }
    if let reason = installation.obstacle(upon: attempt.status) { return reason }
    do {
      try await using(attempt.twins, in: attempt.upper) { twins in
        try await run(
          installation, root: .overlay(lower: attempt.lower, upper: attempt.upper), twins: twins,
          unpacked: { attempt.unpacked(attempt.upper) })
      }
      return nil
    } catch let failure as CommandFailure {
      guard let said = failure.wordsOfScript else { throw failure }
      return Self.reason(in: said)
    }
  }

  /// Does work with native twins and, if a script fails, again without them: a script may need a feature that the twin
  /// lacks.
  ///
  /// - Parameter upper: The layer of the work. It is emptied before the second attempt.
  func using(
    _ twins: Sandbox.Twins?, in upper: URL, _ work: (Sandbox.Twins?) async throws -> Void
  ) async throws {
    guard let twins else { return try await work(nil) }
    do {
      try await work(twins)
    } catch let failure as CommandFailure {
      guard let said = failure.wordsOfScript else { throw failure }
      await progress.remark("every program is emulated: \(Self.reason(in: said))")
      try Self.empty(upper)
      try await work(nil)
    }
  }

  private static func empty(_ layer: URL) throws(FileFailure) {
    Sandbox.remove(layer)
    try RootStack.makeLayer(layer)
  }

  /// Finds the cause in the output of a failed installation: the last errors before dpkg's list of packages with
  /// errors, or else the last line.
  static func reason(in said: String) -> String {
    let lines = said.split(separator: "\n").map(String.init)
    let end = lines.firstIndex { $0.hasPrefix("Errors were encountered while processing") } ?? lines.endIndex
    let errors = lines[..<end].filter { $0.contains("error") }.suffix(2)
    return errors.isEmpty ? lines.last ?? "a script failed" : errors.joined(separator: "; ")
  }

  private func run(
    _ direct: DirectInstallation, root: Sandbox.Root, twins: Sandbox.Twins?, unpacked: () -> Void
  ) async throws {
    try await cache.withScratch { folder in
      try direct.write(to: folder)
      let program = try DirectInstallation.program()
      try await sandbox.run(
        DirectInstallation.command("unpack"), root: root, place: .beside,
        bindings: [archives, program, Sandbox.Binding(folder, at: InstallationPlan.place)]
          + (decompressor.map {
            [
              Sandbox.Binding($0.folder, at: DirectInstallation.decompressor),
              Sandbox.Binding(ahead, at: AheadOfTime.place, isWritable: true),
            ]
          } ?? []),
        to: "unpack packages side by side")
      unpacked()
      // Of the installation's files, package scripts see only the plan.
      let plan = Sandbox.Binding(folder.appending(path: "plan"), at: InstallationPlan.file)
      try await sandbox.run(
        DirectInstallation.command("configure"), root: root, bindings: [program, plan], environment: environment,
        twins: twins, to: "configure packages")
    }
  }

  /// Native twins for a system with these versions of packages; `nil` if none are needed.
  func twins(for versions: [String: String]) -> Sandbox.Twins? { foreign?.twins?.twins(for: versions) }

  private var archives: Sandbox.Binding {
    Sandbox.Binding(cache.folder.appending(path: "archives"), at: PackageScript.archives)
  }
}

extension CommandFailure {
  /// Output of a program that ran and failed by itself; `nil` for all other failures.
  fileprivate var wordsOfScript: String? {
    guard case .failed(_, let said) = outcome, !isFullDisk else { return nil }
    return said
  }
}
