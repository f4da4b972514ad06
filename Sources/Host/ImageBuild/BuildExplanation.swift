import DebianArchive
import FoundationEssentials
import Glibc
import HostSystem

/// Explains the origin of a file or package that no layer names, from the records of the last build and the control
/// files of the image's packages.
public struct BuildExplanation {
  private let folder: ArtefactFolder
  private let cache: Cache

  /// - Parameters:
  ///   - folder: The folder with the artefacts of the image.
  ///   - cache: The cache that the image was built with.
  public init(_ folder: ArtefactFolder, cache: Cache) {
    self.folder = folder
    self.cache = cache
  }

  /// Lines that explain a path or a package name; none if there is no build, or if the build does not have the name.
  ///
  /// - Throws: `FileFailure`.
  public func lines(for name: String) throws -> [String] {
    guard access(folder.manifest.path, F_OK) == 0 else { return [] }
    return name.hasPrefix("/") ? try file(name) : try package(name)
  }

  private func file(_ path: String) throws -> [String] {
    guard let entry = try folder.readContents().entries.first(where: { $0.path == path }) else { return [] }
    let link = entry.target.map { ", a link to \($0)" } ?? ""
    guard let package = entry.origin.split(separator: " ").last.map(String.init), entry.origin.hasPrefix("package ")
    else { return ["file \(path)\(link): \(entry.origin)"] }
    return ["file \(path)\(link): \(entry.origin)"] + (try self.package(package))
  }

  private func package(_ name: String) throws -> [String] {
    let rows = try folder.readManifest().packages
    guard let row = rows.first(where: { $0.name == name }) else { return [] }
    // Other packages may depend on this one by a name that it provides.
    let names = Set([name] + provided(by: row))
    let needing = rows.filter { other in
      other.name != name && !names.isDisjoint(with: fields(other, ["Depends", "Pre-Depends"]))
    }.map(\.name)
    let reason =
      needing.isEmpty
      ? "no package of the image needs it" : "needed by \(Set(needing).sorted().joined(separator: ", "))"
    return ["package \(name) \(row.version): \(reason)"]
  }

  private func provided(by row: BuildManifest.PackageRow) -> [String] { fields(row, ["Provides"]) }

  /// Names in fields of a package's control file, which is in the cache since the package was installed.
  private func fields(_ row: BuildManifest.PackageRow, _ keys: [String]) -> [String] {
    guard let hash = row.sha256 else { return [] }
    let file = cache.location("control-files", hash).appending(path: "files/control").path
    guard let text = try? FolderTree.readFile(file) else { return [] }
    let control = ControlFile.paragraphs(String(decoding: text, as: UTF8.self)).first ?? [:]
    return keys.flatMap { ControlFile.names(inRelation: control[$0] ?? "") }
  }
}
