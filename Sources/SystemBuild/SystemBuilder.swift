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

  /// Makes a builder.
  ///
  /// - Parameter scratch: Folder for what sandboxes need while they run, in the cache's file system.
  /// - Throws: `SandboxFailure` where this user can have no sandboxes.
  public init(
    archive: DebianArchive, cache: Cache, progress: BuildProgress, scratch: URL, epoch: Int64
  ) throws(SandboxFailure) {
    self.archive = archive
    self.cache = cache
    self.progress = progress
    self.epoch = epoch
    sandbox = try Sandbox(scratch: scratch)
  }

  /// Checks that this user can have sandboxes, before anything is fetched for them.
  ///
  /// - Throws: `SandboxFailure`.
  public static func checkRights() throws(SandboxFailure) { _ = try Sandbox(scratch: URL(fileURLWithPath: "/")) }

  /// The stage of a request that brings the kernel.
  public static let kernelStage = 1

  /// The packages that a system asks for, in stages: the essential ones, the kernel, then each layer that has some.
  public static func request(
    _ system: SystemDefinition, suite: String, architecture: String, kernel: String
  ) throws -> InstallationRequest {
    var stages = [
      InstallationRequest.essential(suite: suite),
      InstallationRequest.Stage(packages: [kernel, DebianArchive.initramfsPackage]),
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
      })
  }

  /// Builds the root, or finds it in the cache.
  ///
  /// - Parameters:
  ///   - request: What ``request(_:suite:architecture:kernel:)`` gave.
  ///   - packages: Packages of each of the request's stages.
  /// - Throws: `ArchiveFailure`, `CommandFailure`, `FileFailure`, ``StepFailure``.
  public func build(
    _ system: SystemDefinition, request: InstallationRequest, packages: [[DebianPackage]]
  ) async throws -> SystemRoot {
    let (stack, kernelKey) = try await assemble(
      system, request: request, packages: packages,
      upon: RootStack(cache: cache, seed: [request.architecture, "\(epoch)"]))
    return SystemRoot(
      stack: stack, sandbox: sandbox, cache: try Cache(at: ownCache), epoch: epoch,
      packages: Context(system: system, request: request).remaining(packages), kernelFolder: stack.folder(of: kernelKey)
    )
  }

  /// What ``build(_:request:packages:)`` would do, in its order; nothing is done.
  public func rehearse(
    _ system: SystemDefinition, request: InstallationRequest, packages: [[DebianPackage]]
  ) async throws -> (key: ContentHash, pieces: [PlannedPiece]) {
    let stack = try await assemble(
      system, request: request, packages: packages,
      upon: RootStack(cache: cache, seed: [request.architecture, "\(epoch)"], isRehearsal: true)
    ).stack
    return (stack.key, stack.pieces)
  }

  private func assemble(
    _ system: SystemDefinition, request: InstallationRequest, packages: [[DebianPackage]],
    upon start: RootStack
  ) async throws -> (stack: RootStack, kernelKey: ContentHash) {
    var stack = start
    let context = Context(system: system, request: request)
    try await runSteps(.setup, of: system.layers, in: &stack)
    try await addEssential(packages.first ?? [], context, to: &stack)
    try await runSteps(.essential, of: system.layers, in: &stack)
    try await addPackages(packages[Self.kernelStage], removing: [], called: "kernel", context, to: &stack)
    let kernelKey = stack.key
    var stage = Self.kernelStage + 1
    for layer in system.layers {
      if layer.hasPackages {
        try await addPackages(
          packages[stage], removing: layer.removedPackages, called: layer.name, context, to: &stack)
        stage += 1
      }
      try await addContent(of: layer, to: &stack)
      try await runSteps(.packages, of: [layer], in: &stack)
    }
    try await runSteps(.last, of: system.layers, in: &stack)
    try await addSecrets(of: system.layers, to: &stack)
    return (stack, kernelKey)
  }

  /// What the whole build has in common.
  private struct Context {
    var request: InstallationRequest
    var pathRules: [PathRule]
    var repositories: [String: String]

    init(system: SystemDefinition, request: InstallationRequest) {
      self.request = request
      pathRules = system.layers.flatMap(\.pathRules)
      repositories = Dictionary(request.repositories.map { ($0.name, $0.url) }) { first, _ in first }
    }

    /// All packages but those that a later stage removes.
    func remaining(_ packages: [[DebianPackage]]) -> [DebianPackage] {
      var result: [DebianPackage] = []
      for (stage, found) in zip(request.stages, packages) {
        result.removeAll { stage.removed.contains($0.name) }
        result += found
      }
      return result.sorted { ($0.name, $0.architecture) < ($1.name, $1.architecture) }
    }
  }

  // MARK: Packages

  private func addEssential(_ packages: [DebianPackage], _ context: Context, to stack: inout RootStack) async throws {
    let key = try stack.key("essential packages 2") {
      $0.add(packages.map(\.sha256.text))
      for rule in context.pathRules { $0.add([rule.pattern, rule.isInclusion ? "in" : "out"]) }
    }
    let lower = stack.lower
    try await stack.add(key, called: "\(packages.count) essential packages") { upper in
      let order = try await progress.step("fetch the essential packages") {
        _ = try await archive.files(of: packages, repositories: context.repositories)
        return try await archive.plan(
          installing: packages, removing: [], upon: [], architecture: context.request.architecture)
      }
      try await progress.step("install the essential packages") {
        let files = try await archive.installationFiles(of: packages, in: order)
        let architecture = context.request.architecture
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
    let key = try stack.key("packages 1") {
      $0.add(packages.map(\.sha256.text))
      $0.add(removed)
    }
    let current = stack
    try await stack.add(key, called: "\(packages.count) packages of \(name)") { upper in
      try await progress.step("install \(packages.count) packages of \(name)") {
        _ = try await archive.files(of: packages, repositories: context.repositories)
        let order = try await archive.plan(
          installing: packages, removing: removed, upon: current.file("var/lib/dpkg/status") ?? [],
          architecture: context.request.architecture)
        let script = PackageScript.install(
          order, files: try await archive.namedFiles(of: packages),
          preDepends: try await archive.preDepends(of: packages))
        try await sandbox.run(
          script, root: .overlay(lower: current.lower, upper: upper), bindings: [archives], environment: environment,
          to: "install the packages of \(name)")
      }
    }
  }

  private var archives: Sandbox.Binding {
    Sandbox.Binding(cache.folder.appending(path: "archives"), at: PackageScript.archives)
  }

  private var environment: [String: String] {
    PackageScript.environment.merging(["SOURCE_DATE_EPOCH": "\(epoch)"]) { $1 }
  }

  // MARK: Users, files, units

  private func addContent(of layer: SystemLayer, to stack: inout RootStack) async throws {
    let content = ContentScript(layer)
    guard !content.text.isEmpty else { return }
    let key = try stack.key("content 1") { try content.addTo(&$0) }
    let lower = stack.lower
    try await stack.add(key, called: "files and settings of \(layer.name)") { upper in
      try await progress.step("files and settings of \(layer.name)") {
        try await withContents(content) { contents in
          try await sandbox.run(
            content.text, root: .overlay(lower: lower, upper: upper), bindings: [contents], environment: environment,
            to: "put the files of the layer \(layer.name) into the root")
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
