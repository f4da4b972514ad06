import FoundationEssentials
import Glibc
import Hashing
import HostSystem
import Project
import Sandbox

/// One run of a layer's step.
public struct StepRun: Sendable {
  let step: BuildStep
  let layer: String
  let cache: Cache
  let epoch: Int64

  /// Paths in the sandbox of the step's own script, inputs and secrets.
  private static let script = "/run/cultivar/step"
  private static let inputs = "/run/inputs"
  private static let secrets = "/run/secrets"

  public init(step: BuildStep, layer: String, cache: Cache, epoch: Int64) {
    self.step = step
    self.layer = layer
    self.cache = cache
    self.epoch = epoch
  }

  /// Adds the secrets that the step's result depends on to a cache key, as keyed hashes that do not reveal them.
  func addSecrets(to key: inout CacheKey) throws {
    for (name, value) in step.secrets.sorted(by: { $0.key < $1.key }) {
      key.add([name, try cache.secretHash(of: value).text])
    }
  }

  /// Adds everything else that the step's result depends on to a cache key.
  func addTo(_ key: inout CacheKey) throws {
    key.add([step.place.rawValue, step.phase.rawValue, step.usesNetwork ? "network" : ""])
    switch step.script {
    case .shell(let text): key.add(text)
    case .file(let file): key.add(try Digest(ofFile: file.path))
    }
    for (name, value) in step.environment.sorted(by: { $0.key < $1.key }) { key.add([name, value]) }
    for (name, place) in step.inputs.sorted(by: { $0.key < $1.key }) {
      key.add(name)
      key.add(try FolderTree.identity(of: place.path))
    }
  }

  /// Runs the step.
  ///
  /// - Parameters:
  ///   - bindings: Files that the step sees in addition to its inputs.
  ///   - folder: Working folder of the step.
  /// - Throws: ``StepFailure``, `FileFailure`.
  public func run(
    in sandbox: Sandbox, root: Sandbox.Root, bindings: [Sandbox.Binding] = [], folder: String = "/"
  ) async throws {
    try await cache.withScratch { scratch in
      var bindings = bindings
      var command: String
      switch step.script {
      case .shell(let text):
        let file = scratch.appending(path: "step")
        try FolderTree.writeFile(file.path, with: text.utf8)
        bindings.append(Sandbox.Binding(file, at: Self.script))
        command = "/bin/sh -eu \(Self.script)"
      case .file(let file):
        bindings.append(Sandbox.Binding(file, at: Self.script))
        command = Self.script
      }
      command = "exec \(command) >&2\n"
      for (name, place) in step.inputs.sorted(by: { $0.key < $1.key }) {
        bindings.append(Sandbox.Binding(place, at: "\(Self.inputs)/\(name)"))
      }
      for (name, value) in step.secrets.sorted(by: { $0.key < $1.key }) {
        let file = scratch.appending(path: "secret-\(name)").path
        let descriptor = open(file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw FileFailure.last("write", file) }
        defer { close(descriptor) }
        let bytes = Array(value.utf8)
        guard write(descriptor, bytes, bytes.count) == bytes.count else { throw FileFailure.last("write", file) }
        bindings.append(Sandbox.Binding(URL(fileURLWithPath: file), at: "\(Self.secrets)/\(name)"))
      }
      let environment = step.environment.merging(
        ["CULTIVAR_ROOT": step.place == .root ? "/" : Sandbox.treePath, "SOURCE_DATE_EPOCH": "\(epoch)"]
      ) { $1 }.merging(PackageScript.environment) { given, _ in given }
      do {
        try await sandbox.run(
          command, root: root, place: step.place == .root ? .inside : .beside, bindings: bindings,
          environment: environment, network: step.usesNetwork, folder: folder, to: "run the step \(step.name)")
      } catch let failure as CommandFailure {
        guard case .failed(let status, let said) = failure.outcome else { throw failure }
        throw StepFailure(step: step, layer: layer, status: status, said: hiding(said))
      }
    }
  }

  /// Output of a step with the values of its secrets masked.
  private func hiding(_ text: String) -> String {
    step.secrets.values.filter { !$0.isEmpty }.reduce(text) { $0.replacing($1, with: "********") }
  }
}

/// An error for a step of a layer that failed.
public struct StepFailure: ExplainedError {
  public var step: BuildStep
  public var layer: String
  /// Exit status or signal, as text.
  public var status: String
  /// Output of the step.
  public var said: String

  public var problem: String {
    let place = "\(step.position.file.lastPathComponent):\(step.position.line)"
    return "the step \(step.name) of the layer \(layer) (\(place)) ended with \(status)" + ProgramWords.shown(of: said)
  }
  public var remedy: String? {
    step.usesNetwork ? nil : "a step can use the network only with `network: true`"
  }
}
