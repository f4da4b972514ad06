import BaseImport
import DebianArchive
import Lock

extension InstallationRequest {
  /// Packages of all stages, by name, except those that a later stage removes or replaces by another version.
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

  /// Packages of a base, except those that a stage removes or replaces by another version.
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
  /// True if this package replaces an installed package.
  fileprivate func isVersion(of name: String, _ architecture: String) -> Bool {
    self.name == name && (self.architecture == architecture || self.architecture == "all" || architecture == "all")
  }
}
