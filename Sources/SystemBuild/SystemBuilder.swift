import BaseImport
import DebianArchive
import Foundation
import HostSystem
import Lock
import Project
import Sandbox

/// Builds the root file system of a system: packages of a distribution, and layers upon them.
///
/// Every piece of work is a layer of an overlay file system, kept in the cache under the hash of all that it depends on; the next
/// image that begins alike starts from there.
public struct SystemBuilder: Sendable {
  private let archive: DebianArchive
  private let cache: Cache
  private let progress: BuildProgress
  private let sandbox: Sandbox
  /// Time of the build, in seconds since 1970, for programs that ask (`SOURCE_DATE_EPOCH`).
  private let epoch: Int64
  /// What the root stands upon; `nil` for packages alone.
  private let base: BaseRoot?
  private let installer: Installer
  private let foreign: ForeignPrograms?
  /// What decompresses packages' archives; `dpkg-deb` itself where `nil`.
  public var decompressor: Decompressor?

  /// What installs packages.
  public enum Installer: Sendable {
    /// Archives are unpacked side by side, and dpkg configures; where that cannot be, dpkg does all.
    case direct
    /// dpkg: the reference.
    case dpkg
  }

  /// Makes a builder.
  ///
  /// - Parameters:
  ///   - scratch: Folder for what sandboxes need while they run, in the cache's file system.
  ///   - base: What the root stands upon; `nil` for packages alone.
  ///   - installer: What installs packages; the result is the same.
  ///   - foreign: What runs the system's programs; `nil` where this host does.
  /// - Throws: `SandboxFailure` where this user can have no sandboxes.
  public init(
    archive: DebianArchive, cache: Cache, progress: BuildProgress, scratch: URL, epoch: Int64,
    base: BaseRoot? = nil, installer: Installer = .direct, foreign: ForeignPrograms? = nil
  ) throws(SandboxFailure) {
    self.archive = archive
    self.cache = cache
    self.progress = progress
    self.epoch = epoch
    self.base = base
    self.installer = installer
    self.foreign = foreign
    sandbox = try Sandbox(scratch: scratch, emulation: foreign?.emulation)
  }

  /// Checks that this user can have sandboxes, before anything is fetched for them.
  ///
  /// - Throws: `SandboxFailure`.
  public static func checkRights() throws(SandboxFailure) { _ = try Sandbox(scratch: URL(fileURLWithPath: "/")) }

  /// The stage of a request that brings the kernel.
  public static let kernelStage = 1

  /// The packages that a system asks for, in stages: the essential ones, the kernel, then each layer that has some.
  ///
  /// - Parameters:
  ///   - kernel: The kernel's package; `nil` for the base's own kernel.
  ///   - base: What the system stands upon, which has the essential packages; `nil` for packages alone.
  public static func request(
    _ system: SystemDefinition, suite: String, architecture: String, kernel: String?, base: BaseRoot? = nil
  ) throws -> InstallationRequest {
    // A base may have a program that makes initial RAM file systems, and need not lose it: told so, it does nothing.
    let initramfs = base?.facts.makesInitialRAM == true ? [] : [DebianArchive.initramfsPackage]
    var stages = [
      base == nil ? InstallationRequest.essential(suite: suite) : InstallationRequest.Stage(packages: []),
      InstallationRequest.Stage(packages: kernel.map { [$0] + initramfs } ?? []),
    ]
    for layer in system.layers where layer.hasPackages { stages.append(layer.stage) }
    return InstallationRequest(
      suite: suite, architecture: architecture, stages: stages,
      excluded: Array(Set(system.layers.flatMap(\.excludedPackages))).sorted(),
      repositories: try system.layers.flatMap(\.repositories).map { repository in
        RepositorySource(
          name: repository.name, url: repository.url, suites: repository.suites, components: repository.components,
          key: repository.key.path, keyHash: try ContentHash(ofFile: repository.key.path),
          priority: repository.priority,
          priorityPackages: repository.priorityPackages)
      },
      base: try base.map { InstallationRequest.InstalledBase(image: $0.image, status: try $0.packageStatus()) })
  }

  /// Builds the root, or finds it in the cache.
  ///
  /// - Parameters:
  ///   - request: What ``request(_:suite:architecture:kernel:)`` gave.
  ///   - packages: Packages of each of the request's stages.
  ///   - kernelIsThere: Takes the folder with `boot` and `usr/lib/modules` of the kernel as soon as it is complete.
  /// - Throws: `ArchiveFailure`, `CommandFailure`, `FileFailure`, ``StepFailure``.
  public func build(
    _ system: SystemDefinition, request: InstallationRequest, packages: [[DebianPackage]],
    kernelIsThere: (URL) -> Void = { _ in }
  ) async throws -> SystemRoot {
    try FolderTree.create(ahead.path)
    // What nobody has waited for when the root is complete is ended.
    async let _: Void = decompressAhead(
      try await rehearsal(system, request: request, packages: packages).uninstalled)
    let stack = try await assemble(
      system, request: request, packages: packages,
      upon: RootStack(cache: cache, seed: [request.architecture, "\(epoch)"]), kernelIsThere: kernelIsThere)
    return SystemRoot(stack: stack, sandbox: sandbox, cache: try Cache(at: ownCache), epoch: epoch)
  }

  /// What ``build(_:request:packages:)`` would do, in its order; nothing is done.
  public func rehearse(
    _ system: SystemDefinition, request: InstallationRequest, packages: [[DebianPackage]]
  ) async throws -> (key: ContentHash, pieces: [PlannedPiece]) {
    let stack = try await rehearsal(system, request: request, packages: packages)
    return (stack.key, stack.pieces)
  }

  private func rehearsal(
    _ system: SystemDefinition, request: InstallationRequest, packages: [[DebianPackage]]
  ) async throws -> RootStack {
    try await assemble(
      system, request: request, packages: packages,
      upon: RootStack(cache: cache, seed: [request.architecture, "\(epoch)"], isRehearsal: true),
      kernelIsThere: { _ in })
  }

  /// Where archives are kept that were decompressed ahead of time.
  private var ahead: URL { sandbox.scratch.appending(path: "ahead") }

  /// Decompresses archives for all stages but the first, which begins at once.
  private func decompressAhead(_ stages: [[DebianPackage]]) async throws {
    guard let decompressor else { return }
    var files: [[URL]] = []
    for packages in stages.dropFirst() {
      let missing = Set(archive.missing(packages).map(\.sha256))
      files.append(try await archive.files(of: packages.filter { !missing.contains($0.sha256) }))
    }
    try await AheadOfTime(files, in: ahead, by: decompressor).run()
  }

  private func assemble(
    _ system: SystemDefinition, request: InstallationRequest, packages: [[DebianPackage]],
    upon start: RootStack, kernelIsThere: (URL) -> Void
  ) async throws -> RootStack {
    var stack = start
    var context = Context(system: system, request: request)
    if let base {
      for package in base.facts.packages { context.versions[package.name] = package.version }
      try stack.add(base)
      try await addPathRules(context, to: &stack)
    }
    try await runSteps(.setup, of: system.layers, in: &stack)
    if base == nil {
      try await addEssential(packages.first ?? [], context, to: &stack)
      context.add(packages.first ?? [])
    }
    try await runSteps(.essential, of: system.layers, in: &stack)
    try await addPackages(packages[Self.kernelStage], removing: [], called: "kernel", context, to: &stack)
    context.add(packages[Self.kernelStage])
    kernelIsThere(stack.folder(of: stack.key))
    var stage = Self.kernelStage + 1
    for layer in system.layers {
      if layer.hasPackages {
        try await addPackages(
          packages[stage], removing: layer.removedPackages, called: layer.name, context, to: &stack)
        context.add(packages[stage], without: layer.removedPackages)
        stage += 1
      }
      try await addContent(of: layer, context, to: &stack)
      try await runSteps(.packages, of: [layer], in: &stack)
    }
    try await runSteps(.last, of: system.layers, in: &stack)
    try await addSecrets(of: system.layers, to: &stack)
    return stack
  }

  /// What the whole build has in common.
  private struct Context {
    var request: InstallationRequest
    var pathRules: [PathRule]
    var repositories: [String: String]
    /// Versions of the packages that are installed, by name.
    var versions: [String: String] = [:]

    /// Notes packages as installed, or as gone.
    mutating func add(_ packages: [DebianPackage], without removed: [String] = []) {
      for name in removed { versions[name] = nil }
      for package in packages { versions[package.name] = package.version }
    }

    /// The versions with further packages installed.
    func versions(with packages: [DebianPackage]) -> [String: String] {
      packages.reduce(into: versions) { $0[$1.name] = $1.version }
    }

    /// The versions of those that dpkg does not touch when it installs and removes packages: it cannot replace a file that a twin
    /// is put over.
    func versions(untouchedBy packages: [DebianPackage], removing removed: [String]) -> [String: String] {
      (packages.map(\.name) + removed).reduce(into: versions) { $0[$1] = nil }
    }

    init(system: SystemDefinition, request: InstallationRequest) {
      self.request = request
      pathRules = system.layers.flatMap(\.pathRules)
      repositories = Dictionary(request.repositories.map { ($0.name, $0.url) }) { first, _ in first }
    }
  }

  // MARK: Packages

  /// Leaves out of a base what packages are not to bring.
  private func addPathRules(_ context: Context, to stack: inout RootStack) async throws {
    guard !context.pathRules.isEmpty else { return }
    let key = try stack.key("path rules 1") {
      for rule in context.pathRules { $0.add([rule.pattern, rule.isInclusion ? "in" : "out"]) }
    }
    let lower = stack.lower
    try await stack.add(key, called: "what is left out of the base") { upper in
      try await sandbox.run(
        PackageScript.apply(context.pathRules), root: .overlay(lower: lower, upper: upper),
        to: "leave out what the layers exclude")
    }
  }

  private func addEssential(_ packages: [DebianPackage], _ context: Context, to stack: inout RootStack) async throws {
    let key = try stack.key("essential packages 3") {
      $0.add(packages.map(\.sha256.text))
      for rule in context.pathRules { $0.add([rule.pattern, rule.isInclusion ? "in" : "out"]) }
    }
    let lower = stack.lower
    try await stack.add(key, installing: packages, called: "\(packages.count) essential packages") { upper in
      try await fetch(packages, context, called: "the essential packages")
      let direct = try await directInstallation(of: packages, context, isGround: true)
      let twins = twins(for: context.versions(with: packages))
      try await install(
        "the essential packages", direct, upon: [], lower: lower, upper: upper, twins: (twins, nil)
      ) { _ in
        let architecture = context.request.architecture
        let order = try await archive.plan(
          installing: packages, removing: [], upon: [], architecture: architecture)
        let files = try await archive.installationFiles(of: packages, in: order)
        try await sandbox.run(
          PackageScript.unpackGround(files, tree: Sandbox.treePath, architecture: architecture),
          root: .overlay(lower: lower, upper: upper), place: .beside, bindings: [archives],
          to: "unpack the essential packages")
        try await sandbox.run(
          PackageScript.installEssential(files, architecture: architecture, pathRules: context.pathRules),
          root: .overlay(lower: lower, upper: upper), bindings: [archives], environment: environment,
          to: "install the essential packages")
      }
    }
  }

  private func addPackages(
    _ packages: [DebianPackage], removing removed: [String], called name: String, _ context: Context,
    to stack: inout RootStack
  ) async throws {
    guard !packages.isEmpty || !removed.isEmpty else { return }
    let key = try stack.key("packages 2") {
      $0.add(packages.map(\.sha256.text))
      $0.add(removed)
    }
    let current = stack
    try await stack.add(key, installing: packages, called: "\(packages.count) packages of \(name)") { upper in
      try await fetch(packages, context, called: "\(packages.count) packages of \(name)")
      let status = current.file("var/lib/dpkg/status") ?? []
      let direct = removed.isEmpty ? try await directInstallation(of: packages, context, isGround: false) : nil
      let twins = (
        twins(for: context.versions(with: packages)),
        twins(for: context.versions(untouchedBy: packages, removing: removed))
      )
      try await install(
        "\(packages.count) packages of \(name)", direct, upon: status, lower: current.lower, upper: upper, twins: twins
      ) { twins in
        let order = try await archive.plan(
          installing: packages, removing: removed, upon: status, architecture: context.request.architecture)
        let script = PackageScript.install(
          order, files: try await archive.namedFiles(of: packages),
          preDepends: try await archive.preDepends(of: packages))
        try await sandbox.run(
          script, root: .overlay(lower: current.lower, upper: upper), bindings: [archives], environment: environment,
          twins: twins, to: "install the packages of \(name)")
      }
    }
  }

  private func fetch(_ packages: [DebianPackage], _ context: Context, called name: String) async throws {
    guard !archive.missing(packages).isEmpty else { return }
    try await progress.step("fetch \(name)") {
      _ = try await archive.files(of: packages, repositories: context.repositories)
    }
  }

  private func directInstallation(
    of packages: [DebianPackage], _ context: Context, isGround: Bool
  ) async throws -> DirectInstallation {
    let (files, controls) = (try await archive.files(of: packages), try await archive.controlFolders(of: packages))
    return try DirectInstallation(
      Array(zip(files, controls)), architecture: context.request.architecture,
      pathRules: context.pathRules, isGround: isGround, isDecompressed: decompressor != nil)
  }

  /// Installs packages the direct way, or, where that cannot be, by dpkg.
  ///
  /// - Parameters:
  ///   - twins: Native twins for the direct way, and for dpkg, which cannot replace a file that a twin is put over.
  ///   - byDPKG: Has dpkg do it, in the empty upper layer.
  private func install(
    _ title: String, _ direct: DirectInstallation?, upon status: [UInt8], lower: [URL], upper: URL,
    twins: (direct: Sandbox.Twins?, dpkg: Sandbox.Twins?),
    byDPKG: @Sendable @escaping (Sandbox.Twins?) async throws -> Void
  ) async throws {
    try await progress.step("install \(title)") {
      let reason = try await obstacle(to: direct, upon: status, lower: lower, upper: upper, twins: twins.direct)
      guard let reason else { return }
      await progress.remark("dpkg installs \(title): \(reason)")
      try Self.empty(upper)
      try await using(twins.dpkg, in: upper, byDPKG)
    }
  }

  /// Installs packages the direct way, or says why that cannot be.
  private func obstacle(
    to direct: DirectInstallation?, upon status: [UInt8], lower: [URL], upper: URL, twins: Sandbox.Twins?
  ) async throws -> String? {
    guard installer == .direct else { return "so it was asked for" }
    guard let direct else { return "packages are removed" }
    if let reason = direct.obstacle(upon: status) { return reason }
    do {
      try await using(twins, in: upper) { twins in
        try await run(direct, root: .overlay(lower: lower, upper: upper), twins: twins)
      }
      return nil
    } catch let failure as CommandFailure {
      guard let said = failure.wordsOfScript else { throw failure }
      return Self.reason(in: said)
    }
  }

  /// Does work with native twins and, where a script fails, without: it may want of a program what its twin cannot do.
  ///
  /// - Parameter upper: The layer that is worked on; it is emptied between the two.
  private func using(
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

  /// What of the words of a failed installation says why: the last line before dpkg lists what it could not do, and what it says of
  /// a script that failed.
  static func reason(in said: String) -> String {
    let lines = said.split(separator: "\n").map(String.init)
    let end = lines.firstIndex { $0.hasPrefix("Errors were encountered while processing") } ?? lines.endIndex
    let errors = lines[..<end].filter { $0.contains("error") }.suffix(2)
    return errors.isEmpty ? lines.last ?? "a script failed" : errors.joined(separator: "; ")
  }

  private func run(_ direct: DirectInstallation, root: Sandbox.Root, twins: Sandbox.Twins?) async throws {
    try await cache.withScratch { folder in
      try direct.write(to: folder)
      let own = Sandbox.Binding(folder, at: DirectInstallation.place, isWritable: true)
      try await sandbox.run(
        direct.unpack, root: root, place: .beside,
        bindings: [archives, own]
          + (decompressor.map {
            [
              Sandbox.Binding($0.folder, at: DirectInstallation.decompressor),
              Sandbox.Binding(ahead, at: AheadOfTime.place, isWritable: true),
            ]
          } ?? []),
        to: "unpack packages side by side")
      try await sandbox.run(
        direct.configure, root: root, bindings: [own], environment: environment, twins: twins,
        to: "configure packages")
    }
  }

  /// Native twins for a system with packages of these versions; `nil` where none are needed.
  private func twins(for versions: [String: String]) -> Sandbox.Twins? { foreign?.twins?.twins(for: versions) }

  private var archives: Sandbox.Binding {
    Sandbox.Binding(cache.folder.appending(path: "archives"), at: PackageScript.archives)
  }

  private var environment: [String: String] {
    PackageScript.environment.merging(["SOURCE_DATE_EPOCH": "\(epoch)"]) { $1 }
  }

  // MARK: Users, files, units

  private func addContent(of layer: SystemLayer, _ context: Context, to stack: inout RootStack) async throws {
    let content = ContentScript(layer)
    guard !content.text.isEmpty else { return }
    let key = try stack.key("content 1") { try content.addTo(&$0) }
    let lower = stack.lower
    try await stack.add(key, called: "files and settings of \(layer.name)") { upper in
      try await progress.step("files and settings of \(layer.name)") {
        try await withContents(content) { contents in
          try await sandbox.run(
            content.text, root: .overlay(lower: lower, upper: upper), bindings: [contents], environment: environment,
            twins: twins(for: context.versions), to: "put the files of the layer \(layer.name) into the root")
        }
      }
    }
  }

  /// Where what is made of the whole root is kept: as long as the build runs. It is as large as the image, is made in seconds of
  /// the layers, and may have secrets in it.
  private var ownCache: URL { sandbox.scratch.appending(path: "own-cache") }

  /// Puts secrets into the root, in a layer that the cache never sees.
  private func addSecrets(of layers: [SystemLayer], to stack: inout RootStack) async throws {
    let content = ContentScript(secretsOf: layers)
    guard !content.text.isEmpty else { return }
    let key = try stack.key("secrets 1", secrets: { try content.addTo(&$0, secretsOf: cache) }, { _ in })
    let lower = stack.lower
    try await stack.add(key, at: sandbox.scratch.appending(path: "secrets"), called: "secrets") { upper in
      try await withContents(content) { contents in
        try await sandbox.run(
          content.text, root: .overlay(lower: lower, upper: upper), bindings: [contents], environment: environment,
          to: "put the secrets into the root")
      }
    }
  }

  private func withContents(_ content: ContentScript, _ body: (Sandbox.Binding) async throws -> Void) async throws {
    try await cache.withScratch { folder in
      try content.write(to: folder)
      try await body(Sandbox.Binding(folder, at: ContentScript.contents))
    }
  }

  // MARK: Steps

  private func runSteps(_ phase: BuildStep.Phase, of layers: [SystemLayer], in stack: inout RootStack) async throws {
    for layer in layers {
      for step in layer.steps where step.phase == phase {
        let run = StepRun(step: step, layer: layer.name, cache: cache, epoch: epoch)
        let key = try stack.key("step 1", secrets: run.addSecrets(to:)) { try run.addTo(&$0) }
        let lower = stack.lower
        try await stack.add(key, called: "step \(step.name) of \(layer.name)") { upper in
          try await progress.step("step \(step.name) of \(layer.name)") {
            try await run.run(in: sandbox, root: .overlay(lower: lower, upper: upper))
          }
        }
      }
    }
  }
}

extension InstallationRequest {
  /// All packages of the stages, by name, but those that a later stage removes or has in another version.
  public func remaining(of packages: [[DebianPackage]]) -> [DebianPackage] {
    var result: [DebianPackage] = []
    for (stage, found) in zip(stages, packages) {
      result.removeAll { old in
        stage.removed.contains(old.name) || found.contains { $0.isVersion(of: old.name, old.architecture) }
      }
      result += found
    }
    return result.sorted { ($0.name, $0.architecture) < ($1.name, $1.architecture) }
  }

  /// Packages of a base but those that a stage removes or has in another version.
  public func remaining(of installed: [BaseFacts.Package], below packages: [[DebianPackage]]) -> [BaseFacts.Package] {
    let removed = Set(stages.flatMap(\.removed))
    let found = Dictionary(grouping: packages.flatMap(\.self), by: \.name)
    return installed.filter { package in
      !removed.contains(package.name)
        && !(found[package.name] ?? []).contains { $0.isVersion(of: package.name, package.architecture) }
    }
  }
}

extension DebianPackage {
  /// Whether it takes the place of an installed package.
  fileprivate func isVersion(of name: String, _ architecture: String) -> Bool {
    self.name == name && (self.architecture == architecture || self.architecture == "all" || architecture == "all")
  }
}

extension SystemLayer {
  /// Whether it changes which packages there are.
  var hasPackages: Bool { !packages.isEmpty || !removedPackages.isEmpty }

  /// What it asks of APT.
  var stage: InstallationRequest.Stage {
    InstallationRequest.Stage(
      packages: packages.map { wish in wish.version.map { "\(wish.name)=\($0)" } ?? wish.name },
      removed: removedPackages)
  }
}

extension CommandFailure {
  /// What a program said that ran and failed for a reason of its own; `nil` for everything else.
  fileprivate var wordsOfScript: String? {
    guard case .failed(_, let said) = outcome, !isFullDisk else { return nil }
    return said
  }
}
