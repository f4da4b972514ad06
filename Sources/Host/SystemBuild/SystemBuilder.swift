import BaseImport
import DebianArchive
import DebianPackages
import FoundationEssentials
import Hashing
import HostSystem
import Lock
import Project
import Sandbox

/// Builds the root file system of a system from packages of a distribution and the project's layers.
///
/// Every piece of work makes one layer of an overlay file system. The cache keeps it under the hash of everything that
/// it depends on. Another image that begins with the same layers reuses them.
public struct SystemBuilder: Sendable {
  private let archive: DebianArchive
  private let cache: Cache
  private let progress: BuildProgress
  private let sandbox: Sandbox
  /// Time of the build in seconds since 1970, as `SOURCE_DATE_EPOCH` for programs.
  private let epoch: Int64
  /// The base of the root; `nil` for packages alone.
  private let base: BaseRoot?
  private let installer: Installer
  private let foreign: ForeignPrograms?
  /// Decompresses package archives; if `nil`, `dpkg-deb` does so.
  public var decompressor: Decompressor?

  /// A way to install packages.
  public enum Installer: Sendable {
    /// Unpacks archives in parallel and lets dpkg configure them. Falls back to dpkg for everything if that is not
    /// possible.
    case direct
    /// Lets dpkg unpack and configure everything. Tests compare the other way with this one.
    case dpkg
  }

  /// - Parameters:
  ///   - scratch: Folder for temporary files of sandboxes, in the cache's file system.
  ///   - base: The base of the root; `nil` for packages alone.
  ///   - installer: The way to install packages; the result is the same.
  ///   - foreign: Runs the system's programs; `nil` if this host can run them.
  /// - Throws: `SandboxFailure` if this user cannot make sandboxes.
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

  /// Checks that this user can make sandboxes, before anything is fetched.
  ///
  /// - Throws: `SandboxFailure`.
  public static func checkRights() throws(SandboxFailure) { _ = try Sandbox(scratch: URL(fileURLWithPath: "/")) }

  /// Index of the stage that contains the kernel.
  public static let kernelStage = 1

  /// Returns the request for a system's packages, in stages: the essential packages, the kernel, then one stage for
  /// each layer with packages.
  ///
  /// - Parameters:
  ///   - kernel: The kernel's package; `nil` for the base's own kernel.
  ///   - base: The base of the system, which has the essential packages; `nil` for packages alone.
  public static func request(
    _ system: SystemDefinition, suite: String, architecture: String, kernel: String?, base: BaseRoot? = nil
  ) throws -> InstallationRequest {
    // A base may have its own program that makes initial RAM file systems. Package scripts do not run it: their
    // environment has `INITRD`, which disables it.
    let initramfs = base?.facts.makesInitialRAM == true ? [] : [DebianArchive.initramfsPackage]
    var stages = [
      base == nil ? InstallationRequest.essential(suite: suite) : InstallationRequest.Stage(),
      InstallationRequest.Stage(packages: (kernel.map { [$0] + initramfs } ?? []).map { PackageWish(name: $0) }),
    ]
    for layer in system.layers where layer.hasPackages { stages.append(layer.stage) }
    return InstallationRequest(
      suite: suite, architecture: architecture, stages: stages,
      excluded: Array(Set(system.layers.flatMap(\.excludedPackages))).sorted(),
      repositories: try system.layers.flatMap(\.repositories).map { repository in
        RepositorySource(repository.source, keyHash: try Digest(ofFile: repository.source.key.path))
      },
      base: try base.map { InstallationRequest.InstalledBase(image: $0.image, status: try $0.packageStatus()) })
  }

  /// A point of a build at which concurrent work can begin.
  public enum Milestone: Sendable {
    /// Package scripts run one after the other, and other processors are idle.
    case idle
    /// The kernel is installed. The folder contains `boot` and `usr/lib/modules`. This milestone may occur more than
    /// once.
    case kernel(URL)
  }

  /// Builds the root, or finds it in the cache.
  ///
  /// - Parameters:
  ///   - request: The result of ``request(_:suite:architecture:kernel:)``.
  ///   - packages: Packages of each of the request's stages.
  ///   - reached: Called at each milestone.
  /// - Throws: `ArchiveFailure`, `CommandFailure`, `FileFailure`, ``StepFailure``.
  public func build(
    _ system: SystemDefinition, request: InstallationRequest, packages: [[DebianPackage]],
    reached: @escaping @Sendable (Milestone) -> Void = { _ in }
  ) async throws -> SystemRoot {
    try FolderTree.create(ahead.path)
    let stages = try await rehearsal(system, request: request, packages: packages).uninstalled
    let (scripts, scriptsBegin) = AsyncStream<Never>.makeStream()
    // When the root is complete, decompression that is still running is cancelled.
    async let _: Void = decompressAhead(stages, after: scripts) { reached(.idle) }
    let stack = try await assemble(
      system, request: request, packages: packages,
      upon: RootStack(cache: cache, seed: [request.architecture, "\(epoch)"]),
      scriptsRun: { scriptsBegin.finish() }, kernelIsThere: { reached(.kernel($0)) })
    return SystemRoot(stack: stack, sandbox: sandbox, cache: try ownCache(), epoch: epoch)
  }

  /// Lists the work that ``build(_:request:packages:)`` would do, in order, without doing it.
  public func rehearse(
    _ system: SystemDefinition, request: InstallationRequest, packages: [[DebianPackage]]
  ) async throws -> (key: Digest, keyWithoutSecrets: Digest, pieces: [PlannedPiece]) {
    let stack = try await rehearsal(system, request: request, packages: packages)
    return (stack.key, stack.keyWithoutSecrets, stack.pieces)
  }

  /// Reads the control files of the first stage's packages into the cache, because the installation needs them first.
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

  /// Folder of archives that were decompressed ahead of time.
  private var ahead: URL { sandbox.scratch.appending(path: "ahead") }

  /// Decompresses archives of all stages except the first. The first one is installed at once, and uses all processors
  /// until its scripts run.
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
    // The callback was not called if the stage was in the cache.
    scriptsRun()
    try await runSteps(.essential, of: system.layers, in: &stack)
    try await installer.addPackages(
      packages[Self.kernelStage], removing: [], called: "kernel", upon: installed, to: &stack
    ) { upper in
      // The package's script takes a second to index the modules. Users of the kernel do not need to wait for it.
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

  /// Makes hard links to a kernel's files in an incomplete layer, because the cache will move the layer.
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
          // A layer may replace a program with its own file, which is not possible while a twin is mounted over it.
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

  /// Throws the problems of a layer, if there are any.
  private func refuse(_ problems: [Diagnostic]) throws(ProjectProblems) {
    guard problems.isEmpty else { throw ProjectProblems(problems) }
  }

  /// Returns a temporary cache for files made from the whole root, and for its boot partition. It is deleted after the
  /// build, because its content is as large as the image, takes only seconds to make from the layers, and may contain
  /// secrets.
  ///
  /// - Throws: `FileFailure`.
  public func ownCache() throws -> Cache { try Cache(at: sandbox.scratch.appending(path: "own-cache")) }

  /// Adds secrets to the root, in a layer that is never cached.
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
          // The step's files may contain its secrets.
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
  /// True if the layer adds or removes packages.
  var hasPackages: Bool { !parts.packages.isEmpty || !parts.removedPackages.isEmpty }

  /// The layer's packages, as a stage of the request for APT.
  var stage: InstallationRequest.Stage {
    InstallationRequest.Stage(packages: parts.packages, removed: parts.removedPackages)
  }
}
