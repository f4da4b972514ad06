import HostSystem
import Project

/// A program of a project cannot be built, or is not suitable for the image.
public enum ProgramFailure: ExplainedError {
  /// The toolchain of a language is not installed.
  case noToolchain(program: String, tool: String, package: String)
  /// The toolchain cannot build for the image's architecture.
  case noTarget(program: String, architecture: Architecture, tool: String, remedy: String)
  /// The build succeeded but did not make the expected executable.
  case noProduct(program: String, product: String, available: [String])
  /// A git repository does not have the reference.
  case noReference(url: String, reference: String)
  /// The folder of a package does not exist.
  case noFolder(program: String, folder: String)

  public var problem: String {
    switch self {
    case .noToolchain(let program, let tool, _): "cannot build the program `\(program)`: `\(tool)` is not installed"
    case .noTarget(let program, let architecture, let tool, _):
      "cannot build the program `\(program)` for \(architecture.title): \(tool) does not have this target"
    case .noProduct(let program, let product, _):
      "the package of the program `\(program)` builds no executable `\(product)`"
    case .noReference(let url, let reference): "the repository \(url) has no \(reference)"
    case .noFolder(let program, let folder): "the folder of the program `\(program)` does not exist: \(folder)"
    }
  }

  public var remedy: String? {
    switch self {
    case .noToolchain(_, _, let package): package
    case .noTarget(_, _, _, let remedy): remedy
    case .noProduct(_, _, let available):
      available.isEmpty ? nil : "it builds \(available.map { "`\($0)`" }.joined(separator: ", "))"
    case .noReference: "check the spelling of the tag, branch or revision"
    case .noFolder: nil
    }
  }
}
