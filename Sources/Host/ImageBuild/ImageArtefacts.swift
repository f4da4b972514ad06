import DiskImage
import FoundationEssentials
import Hashing
import HostSystem
import DebianArchive
import Project
import RootFilesystem
import SizeReport

/// The files that a build writes to the folder of an image.
struct ImageArtefacts {
  var name: String
  var disk: DiskImage
  /// The contents of the root file system.
  var contents: [ContentsListing.Entry]
  /// The record of how a system was made; `nil` for an appliance.
  var recipe: SystemRecipe?
  var root: RootArchive
  var bundle: ReleaseBundle
  var provisioning: ProvisionerArchive
  var tools: ToolTree

  /// Lists the raw disk image first, then each further format once, in the order in which `ArtefactFormat` declares
  /// them.
  ///
  /// - Parameters:
  ///   - formats: Formats that the project asks for.
  ///   - request: Artefacts to write in addition.
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
      case .provisioner:
        artefacts.append(try provisioning.artefact(image: name, disk: disk, rawImage: image, tools: tools))
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
    return Artefact(name: name, format: format, key: Digest(of: text)) {
      try FolderTree.replaceFile($0, with: text)
    }
  }
}

extension FileTree {
  /// The entries of the tree, by path.
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
        case .bytes(let bytes): row.sha256 = Digest(of: bytes)
        case .host(let file, _): row.sha256 = try Digest(ofFile: file)
        }
      }
      return row
    }
  }
}
