import DiskImage
import Foundation
import HostSystem
import DebianArchive
import Project
import RootFilesystem
import SizeReport

/// What of an image is written to its folder.
struct ImageArtefacts {
  var name: String
  var disk: DiskImage
  /// The files of the root file system.
  var files: [ContentsListing.File]
  var root: RootArchive
  var tools: ToolTree

  /// The raw disk image, and the further formats in the order of the format's declaration, each once.
  ///
  /// - Throws: `GPTError`, `FileFailure`.
  func list(_ formats: [ArtefactFormat], in folder: ArtefactFolder) throws -> [Artefact] {
    let (disk, root, tools) = (disk, root, tools)
    let identity = try disk.identity()
    let image = folder.image.path
    var artefacts = [
      Artefact(name: folder.image.lastPathComponent, format: "raw", key: identity) { try disk.write(to: $0) },
      try contents(),
    ]
    for format in ArtefactFormat.allCases where formats.contains(format) {
      switch format {
      case .rootTar:
        artefacts.append(
          Artefact(name: "root.tar.zst", format: format.rawValue, key: try root.key("tar", tools: tools)) {
            try await root.writeTar(to: $0, tools: tools)
          })
      case .rootOCI:
        artefacts.append(
          Artefact(name: "root.oci.tar", format: format.rawValue, key: try root.key("oci", tools: tools)) {
            try await root.writeOCI(to: $0, tools: tools)
          })
      case .blockMap, .zstd, .xz, .qcow2, .androidSparse:
        guard let form = DiskFormat(rawValue: format.rawValue) else { continue }
        artefacts.append(
          Artefact(
            name: form.fileName(image: name), format: format.rawValue, key: form.key(disk: identity, tools: tools)
          ) { try await form.write(disk, image: image, to: $0, tools: tools) })
      }
    }
    return artefacts
  }

  private func contents() throws -> Artefact {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    let text = Array(try encoder.encode(ContentsListing(image: name, files: files))) + [0x0a]
    return Artefact(name: "contents.json", format: "contents", key: ContentHash(of: text)) {
      try FolderTree.replaceFile($0, with: text)
    }
  }
}

extension FileTree {
  /// The files, by path.
  var listing: [ContentsListing.File] {
    paths.compactMap { path in
      guard let entry = self[path], case .file(let content) = entry.kind else { return nil }
      return .init(path: "/\(path)", size: content.size, origin: entry.origin)
    }
  }
}
