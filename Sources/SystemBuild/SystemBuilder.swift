import BaseImport
import DebianArchive
import FoundationEssentials
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

  /// How far a build is, for whoever works beside it.
  public enum Milestone: Sendable {
    /// Scripts of packages run, one after the other, and nothing else is left for the other processors.
    case idle
    /// The kernel is there: the folder that has its `boot` and `usr/lib/modules`. It may come again.
    case kernel(URL)
  }

  /// Builds the root, or finds it in the cache.
  ///
  /// - Parameters:
  ///   - request: What ``request(_:suite:architecture:kernel:)`` gave.
  ///   - packages: Packages of each of the request's stages.
  ///   - reached: Told how far the build is.
  /// - Throws: `ArchiveFailure`, `CommandFailure`, `FileFailure`, ``StepFailure``.
  public func build(
    _ system: SystemDefinition, request: InstallationRequest, packages: [[DebianPackage]],
    reached: @escaping @Sendable (Milestone) -> Void = { _ in }
  ) async throws -> SystemRoot {
    try FolderTree.create(ahead.path)
    let stages = try await rehearsal(system, request: request, packages: packages).uninstalled
    let (scripts, scriptsBegin) = AsyncStream<Never>.makeStream()
    // What nobody has waited for when the root is complete is ended.
    async let _: Void = decompressAhead(stages, after: scripts) { reached(.idle) }
    let stack = try await assemble(
      system, request: request, packages: packages,
      upon: RootStack(cache: cache, seed: [request.architecture, "\(epoch)"]),
      scriptsRun: { scriptsBegin.finish() }, kernelIsThere: { reached(.kernel($0)) })
    return SystemRoot(stack: stack, sandbox: sandbox, cache: try ownCache(), epoch: epoch)
  }

  /// What ``build(_:request:packages:)`` would do, in its order; nothing is done.
  public func rehearse(
    _ system: SystemDefinition, request: InstallationRequest, packages: [[DebianPackage]]
  ) async throws -> (key: ContentHash, keyWithoutSecrets: ContentHash, pieces: [PlannedPiece]) {
    let stack = try await rehearsal(system, request: request, packages: packages)
    return (stack.key, stack.keyWithoutSecrets, stack.pieces)
  }

  /// Reads of the first stage's packages what their installation asks first, where it is not in the cache.
  ///
  /// - Throws: `ArchiveFailure`, `CommandFailure`, `FileFailure`.
  public func prepare(_ stages: [[DebianPackage]]) async throws {
    guard base == nil, let packages = stages.first, archive.missing(packages).isEmpty else { return }
    _ = try await archive.controlFolders(of: packages)
  }

  private func rehearsal(
    _ system: SystemDefinition, request: InstallationRequest, packages: [[DebianPackage]]
  ) async throws -> RootStack {
    try await assemble(
      system, request: request, packages: packages,
      upon: RootStack(cache: cache, seed: [request.architecture, "\(epoch)"], isRehearsal: true))
  }

  /// Where archives are kept that were decompressed ahead of time.
  private var ahead: URL { sandbox.scratch.appending(path: "ahead") }

  /// Decompresses archives for all stages but the first, which begins at once, and takes all processors until its scripts run.
  private func decompressAhead(
    _ stages: [[DebianPackage]], after scripts: AsyncStream<Never>, done: () -> Void
  ) async throws {
    defer { done() }
    for await _ in scripts {}
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
    upon start: RootStack, scriptsRun: @escaping @Sendable () -> Void = {},
    kernelIsThere: @escaping @Sendable (URL) -> Void = { _ in }
  ) async throws -> RootStack {
    var stack = start
    var installed = InstalledVersions()
    let installer = packageInstaller(for: system, request: request)
    if let base {
      for package in base.facts.packages { installed.add(package.name, package.version) }
      try stack.add(base)
      try await installer.addPathRules(to: &stack)
    }
    try await runSteps(.setup, of: system.layers, in: &stack)
    if base == nil {
      try await installer.addEssential(packages.first ?? [], upon: installed, to: &stack) { _ in scriptsRun() }
      installed.add(packages.first ?? [])
    }
    // The stage may have been in the cache.
    scriptsRun()
    try await runSteps(.essential, of: system.layers, in: &stack)
    try await installer.addPackages(
      packages[Self.kernelStage], removing: [], called: "kernel", upon: installed, to: &stack
    ) { upper in
      // Its index of modules takes a second, which whoever waits for the kernel need not wait for.
      if let copy = try? linkKernel(of: upper) { kernelIsThere(copy) }
    }
    installed.add(packages[Self.kernelStage])
    kernelIsThere(stack.folder(of: stack.key))
    var stage = Self.kernelStage + 1
    let late = LateUnits(system.layers)
    for (layer, share) in zip(system.layers, late.shares) {
      if layer.hasPackages {
        try await installer.addPackages(
          packages[stage], removing: layer.removedPackages, called: layer.name, upon: installed, to: &stack)
        installed.add(packages[stage], without: layer.removedPackages)
        stage += 1
      }
      try await addContent(
        ContentScript(layer, late: share), of: layer, by: installer, upon: installed, to: &stack)
      try await runSteps(.packages, of: [layer], in: &stack)
    }
    try await runSteps(.last, of: system.layers, in: &stack)
    try await addSecrets(of: system.layers, to: &stack)
    return stack
  }

  /// Further names of the files of a kernel in a layer that is not complete, and so will be somewhere else in a moment.
  private func linkKernel(of upper: URL) throws -> URL {
    let copy = sandbox.scratch.appending(path: "kernel")
    for name in ["boot", "usr/lib/modules"] {
      let folder = copy.appending(path: name)
      try FolderTree.create(folder.path)
      try LinkedTree.add(upper.appending(path: name), to: folder)
    }
    return copy
  }

  private func packageInstaller(for system: SystemDefinition, request: InstallationRequest) -> PackageInstaller {
    PackageInstaller(
      archive: archive, cache: cache, progress: progress, sandbox: sandbox, environment: environment, way: installer,
      foreign: foreign, decompressor: decompressor, ahead: ahead, architecture: request.architecture,
      pathRules: system.layers.flatMap(\.pathRules))
  }

  private var environment: [String: String] {
    PackageScript.environment.merging(["SOURCE_DATE_EPOCH": "\(epoch)"]) { $1 }
  }

  // MARK: Users, files, units

  private func addContent(
    _ content: ContentScript, of layer: SystemLayer, by installer: PackageInstaller, upon installed: InstalledVersions,
    to stack: inout RootStack
  ) async throws {
    guard !content.text.isEmpty else { return }
    let key = try stack.key("content 1") { try content.addTo(&$0) }
    let lower = stack.lower
    try await stack.add(key, called: "files and settings of \(layer.name)") { upper in
      try await progress.step("files and settings of \(layer.name)") {
        try await withContents(content) { contents in
          // A layer may put its own file in a program's place, which cannot be where a twin is.
          try await installer.using(installer.twins(for: installed.byName), in: upper) { twins in
            let said = try await sandbox.run(
              content.text, root: .overlay(lower: lower, upper: upper), bindings: [contents],
              environment: environment, twins: twins,
              to: "put the files of the layer \(layer.name) into the root")
            try refuse(content.problems(said))
          }
        }
      }
    }
  }

  /// Refuses a layer of the root that cannot be as the project says.
  private func refuse(_ problems: [Diagnostic]) throws(ProjectProblems) {
    guard problems.isEmpty else { throw ProjectProblems(problems) }
  }

  /// Where what is made of a whole root is kept, and its boot partition: as long as the build runs. It is as large as the image, is
  /// made in seconds of the layers, and may have secrets in it.
  ///
  /// - Throws: `FileFailure`.
  public func ownCache() throws -> Cache { try Cache(at: sandbox.scratch.appending(path: "own-cache")) }

  /// Puts secrets into the root, in a layer that the cache never sees.
  private func addSecrets(of layers: [SystemLayer], to stack: inout RootStack) async throws {
    let content = ContentScript(secretsOf: layers)
    guard !content.text.isEmpty else { return }
    let key = try stack.key("secrets 1", secrets: { try content.addTo(&$0, secretsOf: cache) }, { _ in })
    let lower = stack.lower
    try await stack.add(key, at: sandbox.scratch.appending(path: "secrets"), called: "secrets") { upper in
      try await withContents(content) { contents in
        let said = try await sandbox.run(
          content.text, root: .overlay(lower: lower, upper: upper), bindings: [contents], environment: environment,
          to: "put the secrets into the root")
        try refuse(content.problems(said))
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
        let title = "step \(step.name) of \(layer.name)"
        func work(_ upper: URL) async throws {
          try await progress.step(title) {
            try await run.run(in: sandbox, root: .overlay(lower: lower, upper: upper))
          }
        }
        if step.secrets.isEmpty {
          try await stack.add(key, called: title, work: work)
        } else {
          // What it wrote may have the secrets in it.
          let place = sandbox.scratch.appending(path: "step-\(stack.pieces.count)")
          try await stack.add(key, at: place, called: title) { upper in
            try await cache.withRoom { try await work(upper) }
          }
        }
      }
    }
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
