import DiskImage
import FoundationEssentials
import HostSystem
import DebianArchive
import Project
import RootFilesystem
import SizeReport

/// What of an image is written to its folder.
struct ImageArtefacts {
  var name: String
  var disk: DiskImage
  /// What is in the root file system.
  var contents: [ContentsListing.Entry]
  /// How it was made.
  var recipe: SystemRecipe?
  var root: RootArchive
  var bundle: ReleaseBundle
  var tools: ToolTree

  /// The raw disk image, and the further formats in the order of the format's declaration, each once.
  ///
  /// - Parameter formats: What the project asks for.
  /// - Throws: `GPTError`, `FileFailure`.
  func list(
    _ formats: [ArtefactFormat], _ request: ArtefactRequest, in folder: ArtefactFolder
  ) throws -> [Artefact] {
    let formats = formats + request.formats + (request.deltas > 0 ? [.bundle] : [])
    let (disk, root, tools) = (disk, root, tools)
    let identity = try disk.identity()
    let image = folder.image.path
    var artefacts = [
      Artefact(
        name: folder.image.lastPathComponent, format: "raw", key: identity, make: { try disk.write(to: $0) },
        hash: { try disk.contentHash() }),
      try json(ContentsListing(image: name, entries: contents), to: folder.contents.lastPathComponent, "contents"),
    ]
    if let recipe { artefacts.append(try json(recipe, to: "recipe.json", "recipe")) }
    for format in ArtefactFormat.allCases where formats.contains(format) {
      switch format {
      case .bundle: artefacts += bundle.artefacts(image: name, disk: identity, request)
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

  private func json(_ value: some Encodable, to name: String, _ format: String) throws -> Artefact {
    let text = try ReadableJSON.encode(value)
    return Artefact(name: name, format: format, key: ContentHash(of: text)) {
      try FolderTree.replaceFile($0, with: text)
    }
  }
}

extension FileTree {
  /// What is in the tree, by path.
  ///
  /// - Throws: `FileFailure`.
  func listing() throws -> [ContentsListing.Entry] {
    try paths.compactMap { path in
      guard let entry = self[path] else { return nil }
      var row = ContentsListing.Entry(
        path: "/\(path)", mode: String(entry.mode, radix: 8), owner: "\(entry.uid):\(entry.gid)", origin: entry.origin)
      switch entry.kind {
      case .folder: row.kind = .folder
      case .link(let target): (row.kind, row.target) = (.link, target)
      case .characterDevice: row.kind = .special
      case .file(let content):
        row.size = content.size
        switch content {
        case .bytes(let bytes): row.sha256 = ContentHash(of: bytes)
        case .host(let file, _): row.sha256 = try ContentHash(ofFile: file)
        }
      }
      return row
    }
  }
}
