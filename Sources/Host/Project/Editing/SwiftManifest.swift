import FoundationEssentials

/// A search for products in the text of a `Package.swift`, without running it.
enum SwiftManifest {
  /// Returns the name of the only executable that a package declares.
  ///
  /// - Throws: ``ProjectFailure`` if there is none, or more than one.
  static func onlyProduct(in folder: URL) throws(ProjectFailure) -> String {
    let text = (try? String(contentsOf: folder.appending(path: "Package.swift"), encoding: .utf8)) ?? ""
    let names = executableNames(in: text)
    guard let name = names.first, names.count == 1 else {
      let found = names.isEmpty ? "no executable" : "several executables: \(names.joined(separator: ", "))"
      throw ProjectFailure(
        "the Swift package in \(folder.path) declares \(found)",
        remedy: "name the product: \(folder.lastPathComponent)%PRODUCT")
    }
    return name
  }

  /// Returns the names of the executable products. If a package declares none, each executable target is a product.
  private static func executableNames(in manifest: String) -> [String] {
    for kind in ["executable", "executableTarget"] {
      let found = manifest.matches(of: declaration).filter { $0.output.1 == kind }.map { String($0.output.2) }
      if !found.isEmpty { return found }
    }
    return []
  }

  private static var declaration: Regex<(Substring, Substring, Substring)> {
    /\.(executable|executableTarget)\(\s*name:\s*"([^"]+)"/
  }
}
