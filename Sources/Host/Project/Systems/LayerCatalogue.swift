import FoundationEssentials
import Spelling

/// A description of a layer, for users.
public struct LayerDescription: Sendable, Equatable {
  private let layer: LayerDefinition

  init(_ layer: LayerDefinition) { self.layer = layer }

  public var name: String { layer.name }
  public var origin: String { layer.origin }
  /// Purpose of the layer.
  public var about: String { layer.about }

  private var lists: [(key: String, items: [String])] {
    let parts = layer.parts
    let units = parts.units
    return [
      ("requires", layer.requires.map(\.value)), ("provides", layer.provides.map(\.value)),
      ("conflicts", layer.conflicts.map(\.value)), ("after", layer.after.map(\.value)),
      ("repositories", parts.repositories.map(\.name)), ("packages", parts.packages.map(\.written)),
      ("removes", parts.removedPackages.map(\.written)), ("excludes", parts.excludedPackages.map(\.written)),
      ("groups", parts.groups.map(\.name)), ("users", parts.users.map(\.name)),
      ("files", parts.files.map(\.path.written)),
      ("steps", parts.steps.map { "\($0.name) (\($0.step.phase.rawValue))" }),
      ("adds units", units.added.map(\.value.lastPathComponent)), ("enables", units.enabled.map(\.written)),
      ("disables", units.disabled.map(\.written)), ("masks", units.masked.map(\.written)),
      ("kernel arguments", parts.kernelArguments.map(\.written)),
      ("persists", parts.persistedPaths.map(\.path.written)),
      ("health checks", parts.healthChecks.map(\.name)),
    ].filter { !$0.1.isEmpty }
  }

  /// The description as text for a terminal.
  public var text: String {
    var lines = ["\(name)  (\(origin))", "  \(about)"]
    lines += lists.map { "  \($0.key): \($0.items.joined(separator: ", "))" }
    if !layer.variables.isEmpty { lines.append("  variables:") }
    for variable in layer.variables {
      let value = variable.defaultText.map { ", \($0.isEmpty ? "empty" : $0) by default" } ?? ", needs a value"
      lines.append("    \(name).\(variable.name)  (\(variable.type.rawValue)\(value))")
      lines.append("      \(variable.about)")
    }
    return lines.joined(separator: "\n")
  }

  /// The description as JSON.
  public var json: JSONValue {
    var entries: [(key: String, value: JSONValue)] = [
      (key: "name", value: .text(name)), (key: "origin", value: .text(origin)),
      (key: "folder", value: .text(layer.folder.path)), (key: "description", value: .text(about)),
    ]
    entries += lists.map { list in
      let words = list.key.split(separator: " ").map(String.init)
      let key = words[0] + words.dropFirst().map { $0.prefix(1).uppercased() + $0.dropFirst() }.joined()
      return (key: key, value: .array(list.items.map(JSONValue.text)))
    }
    let variables = layer.variables.map { variable -> JSONValue in
      var entries: [(key: String, value: JSONValue)] = [
        (key: "name", value: .text(variable.name)), (key: "type", value: .text(variable.type.rawValue)),
        (key: "description", value: .text(variable.about)),
      ]
      if let text = variable.defaultText { entries.append((key: "default", value: .text(text))) }
      return .object(entries)
    }
    entries.append((key: "variables", value: .array(variables)))
    return .object(entries)
  }
}

extension VariableDeclaration {
  /// The default value in one line; `nil` if there is none.
  fileprivate var defaultText: String? {
    guard type != .secret, let defaultValue else { return nil }
    switch defaultValue.content {
    case .scalar(let scalar): return scalar.text
    case .list(let items):
      return items.compactMap { if case .scalar(let scalar) = $0.content { scalar.text } else { nil } }
        .joined(separator: ", ")
    case .mapping, .reference: return nil
    }
  }
}

/// The layers that a project can use.
public struct LayerCatalogue: Sendable {
  private let project: ProjectDefinition
  private let library: LayerLibrary

  /// - Parameters:
  ///   - project: The project; `nil` for the built-in layers only.
  ///   - library: Library of layers.
  ///   - folder: Folder for relative paths of layers if there is no project.
  public init(project: ProjectDefinition?, library: LayerLibrary, folder: URL) {
    self.project =
      project
      ?? ProjectDefinition(
        folder: folder, name: "", version: "", archive: ArchiveDefinition(suite: ""), images: [], variables: [],
        profiles: [], layers: [], overrides: [], source: SourceText(file: folder, text: ""))
    self.library = library
  }

  /// Returns all layers, those of the project first. Layers of git repositories are included if they have been fetched.
  ///
  /// - Throws: ``ProjectProblems`` if the file of a layer has errors.
  public func all() throws(ProjectProblems) -> [LayerDescription] {
    let selection = LayerSelection(project: project, library: library)
    var problems = ProblemList(fileKind: ProjectReader.kindOnDisk)
    let layers = selection.knownNames.compactMap { selection.place(named: $0, beside: nil)?.read(&problems) }
    guard problems.errorCount == 0 else { throw problems.problems }
    return layers.map(LayerDescription.init)
  }

  /// Returns the layer with a name, or at a path.
  ///
  /// - Throws: ``ProjectProblems`` if the layer's file has errors; ``ProjectFailure`` if there is no such layer.
  public func layer(named name: String) throws -> LayerDescription {
    let selection = LayerSelection(project: project, library: library)
    guard let place = selection.place(named: name, beside: nil) else {
      throw ProjectFailure(
        "there is no layer '\(name)'",
        remedy: NearestName.hint(for: name, among: selection.knownNames, kind: "layers")
          ?? "the built-in layers were not found; CULTIVAR_LAYERS can name their folder")
    }
    var problems = ProblemList(fileKind: ProjectReader.kindOnDisk)
    let layer = place.read(&problems)
    guard let layer, problems.errorCount == 0 else { throw problems.problems }
    return LayerDescription(layer)
  }
}

/// The check of all systems of a project, for `cultivar check`.
public struct SystemsCheck: Sendable {
  private let library: LayerLibrary

  public init(library: LayerLibrary) {
    self.library = library
  }

  /// Reads all systems of a project, and checks the settings that apply to all systems.
  ///
  /// - Parameters:
  ///   - project: The project.
  ///   - environment: Environment variables. A missing one is a warning.
  /// - Returns: All errors and warnings, and the systems that could be read, by name of the image.
  public func run(
    _ project: ProjectDefinition, environment: [String: String]
  ) -> (problems: [Diagnostic], systems: [String: SystemReader.Result]) {
    var problems = ProblemList(fileKind: ProjectReader.kindOnDisk)
    problems.know(project.source)
    var systems: [String: SystemReader.Result] = [:]
    for image in project.images where image.kind == .system {
      do throws(ProjectProblems) {
        let result = try SystemReader(library: library).read(
          image, of: project, environment: environment, needsSecrets: false)
        systems[image.name] = result
        problems.take(result.warnings)
      } catch {
        problems.take(error.diagnostics)
      }
    }
    checkUnusedProfiles(project, &problems)
    if problems.errorCount == 0 { refuseUnused(project, systems, &problems) }
    return (problems.problems.diagnostics, systems)
  }

  private func checkUnusedProfiles(_ project: ProjectDefinition, _ problems: inout ProblemList) {
    let used = project.images.compactMap { $0.system?.profile?.value }
    for profile in project.profiles where !used.contains(profile.name) {
      var selection = LayerSelection(project: project, library: library)
      let asker = LayerSelection.Asker(words: "profile '\(profile.name)'", folder: nil)
      selection.add(profile.layers.map { LayerSelection.Wish(name: $0, asker: asker) }, &problems)
      for source in project.layers where selection.missingCheckouts.contains(source.name) {
        problems.warning(
          "the layer '\(source.name)' has not been fetched", at: source.position, hint: "`cultivar lock` fetches it")
      }
    }
  }

  /// Reports variables and overrides of the project for layers that no image has.
  private func refuseUnused(
    _ project: ProjectDefinition, _ systems: [String: SystemReader.Result], _ problems: inout ProblemList
  ) {
    let layers = Set(systems.values.flatMap { $0.graph.nodes.map(\.name) })
    let given = project.variables.compactMap { given -> Located<String>? in
      given.name.firstIndex(of: ".").map { Located(value: String(given.name[..<$0]), position: given.position) }
    }
    let overridden = project.overrides.map { Located(value: $0.name, position: $0.position) }
    for name in given + overridden where !layers.contains(name.value) {
      problems.error(
        "no image has the layer '\(name.value)'", at: name.position,
        hint: NearestName.hint(for: name.value, among: layers.sorted(), kind: "layers") ?? "no image is a system")
    }
  }
}
