import FoundationEssentials

/// The folder of a layer, with `layer.yaml`, the overlay `files`, and the scripts in `steps`.
struct LayerFolder {
  let folder: URL
  /// Name of the layer.
  let name: String
  /// Origin of the layer, for people.
  let origin: String

  /// Reads the layer.
  ///
  /// - Returns: The layer; `nil` if it is invalid, which is reported.
  func read(_ problems: inout ProblemList) -> LayerDefinition? {
    let file = folder.appending(path: LayerLibrary.fileName)
    let text: String
    switch ProjectReader.load(file) {
    case .success(let loaded): text = loaded
    case .failure(let failure):
      problems.take(failure.diagnostics)
      return nil
    }
    let source = SourceText(file: file.absoluteURL, text: text)
    problems.know(source)
    let document = YAMLDocument(source)
    problems.take(document.diagnostics)
    guard let root = document.root else { return nil }
    var reading = Reading(source: source, fileKind: ProjectReader.kindOnDisk)
    let read = LayerFormat.shape.read(root, &reading)
    problems.take(reading.diagnostics)
    guard var layer = read else { return nil }
    layer.name = name
    layer.origin = origin
    layer.folder = folder
    refuseUnusedScripts(root, &problems)
    layer.parts.files = merged(
      FolderContent(folder.appending(path: "files"), at: "").parts(
        position: layer.position, &problems), layer, &problems)
    return layer
  }

  /// Reports scripts that no step names, because they would never run.
  ///
  /// - Parameter root: The layer's file as written. Invalid scripts have already been reported at their steps.
  private func refuseUnusedScripts(_ root: SourceNode, _ problems: inout ProblemList) {
    let steps = folder.appending(path: "steps")
    var named: [SourceNode?] = []
    if case .mapping(let entries) = root.value(of: "steps")?.content {
      for step in entries.map(\.value) {
        named.append(step.value(of: "script"))
        if case .mapping(let inputs) = step.value(of: "inputs")?.content { named += inputs.map(\.value) }
      }
    }
    let used = Set(named.compactMap { $0?.text }.map { folder.file(at: $0).path })
    let names = (try? FileManager.default.contentsOfDirectory(atPath: steps.path))?.sorted() ?? []
    for name in names where !BackupFiles.isOne(name) {
      let file = steps.appending(path: name).standardizedFileURL
      guard ProjectReader.kindOnDisk(file) == .file, !used.contains(file.path) else { continue }
      problems.error(
        "no step runs the script 'steps/\(name)' of layer '\(self.name)'", at: root.position,
        hint: "add a step with `script: ./steps/\(name)`, or move the file")
    }
  }

  /// Returns the files of the overlay, changed by the items of `files:` that have no content, and then the other files.
  private func merged(
    _ overlay: [FilePart], _ layer: LayerDefinition, _ problems: inout ProblemList
  ) -> [FilePart] {
    var files = overlay
    for part in layer.parts.files {
      guard case .overlay(let isTemplate) = part.content else {
        files.append(part)
        continue
      }
      var changed = part
      if let index = files.firstIndex(where: { $0.path.written == part.path.written }) {
        changed.content = files[index].content
        if isTemplate, case .file(let url) = changed.content { changed.content = .template(url) }
        files[index] = changed
      } else if ProjectReader.kindOnDisk(folder.appending(path: "files" + part.path.written)) == .folder {
        changed.content = .folder
        files.append(changed)
      } else {
        problems.error(
          "layer '\(name)' has no 'files\(part.path.written)'", at: part.position,
          hint: "put the file there, or add 'source', 'content', 'link', 'folder: true' or 'absent: true'")
      }
    }
    return files
  }
}

/// The files in a folder of the build host as files of the image.
struct FolderContent {
  private let folder: URL
  private let path: String

  /// - Parameters:
  ///   - folder: Folder of the build host. A missing folder has no files.
  ///   - path: Path in the image without a final slash; empty for the root.
  init(_ folder: URL, at path: String) {
    self.folder = folder
    self.path = path
  }

  /// Returns the files and links, sorted by path, and the empty folders.
  ///
  /// `.gitkeep` keeps an empty folder in git. It is not a file of the image.
  func parts(position: SourcePosition, _ problems: inout ProblemList) -> [FilePart] {
    var parts: [FilePart] = []
    let names = ((try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []).sorted()
    for name in names where name != ".gitkeep" {
      let url = folder.appending(path: name)
      let inImage = "\(path)/\(name)"
      if BackupFiles.isOne(name) {
        problems.warning(
          "\(url.path) has the name of a backup file, and is not copied", at: position, hint: "remove the file")
        continue
      }
      let literal = VariableText(literal: inImage, at: position, kind: .addedPath)
      func part(_ content: FilePart.Content) -> FilePart {
        FilePart(position: position, path: literal, content: content)
      }
      if let target = try? FileManager.default.destinationOfSymbolicLink(atPath: url.path) {
        parts.append(part(.link(VariableText(literal: target, at: position, kind: .linkTarget))))
      } else if ProjectReader.kindOnDisk(url) == .folder {
        let inner = FolderContent(url, at: inImage).parts(position: position, &problems)
        parts += inner.isEmpty ? [part(.folder)] : inner
      } else if ProjectReader.kindOnDisk(url) == .file {
        parts.append(part(.file(url)))
      } else {
        problems.error(
          "\(url.path) is a pipe, socket or device", at: position,
          hint: "remove it: the running system makes its own in /run and /dev")
      }
    }
    return parts
  }
}
