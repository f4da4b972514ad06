import Project
import RootFilesystem
import Spelling

extension KernelModuleFailure {
  /// Returns a problem for each line of the project that asks for an unknown module; `nil` if there is no such line.
  ///
  /// - Parameter modules: Modules that the project asks for.
  func problems(of modules: [Located<String>]) -> ProjectProblems? {
    guard case .unknown(let names, let version, let available) = self else { return nil }
    let unknown = modules.filter { names.contains($0.value.replacing("-", with: "_")) }
    guard !unknown.isEmpty else { return nil }
    return ProjectProblems(
      unknown.map { module in
        Diagnostic(
          .error, "the kernel \(version) has no module '\(module.value)'", at: module.position,
          hint: NearestName.nearest(to: module.value.replacing("-", with: "_"), among: available)
            .map { "did you mean '\($0)'?" } ?? "remove it, or choose a kernel that has it: `kernel: { package: … }`")
      })
  }
}
