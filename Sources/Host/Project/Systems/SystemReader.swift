import FoundationEssentials
import Spelling

/// A reader that creates the definition of a system from a project.
///
/// It finds the layers, sorts them and fills in the variables. It does not run or fetch anything: layers of git
/// repositories must have been fetched (``LayerLibrary/checkouts``).
public struct SystemReader: Sendable {
  private let library: LayerLibrary

  /// - Parameter library: Library of layers.
  public init(library: LayerLibrary) {
    self.library = library
  }

  /// A system, with warnings and information about its parts.
  public struct Result: Sendable {
    public var system: SystemDefinition
    /// Warnings, with secrets masked.
    public var warnings: [Diagnostic]
    /// Origins of all parts.
    public var trace: SystemTrace
    /// Dependencies of the layers.
    public var graph: LayerGraph
  }

  /// Reads a system.
  ///
  /// - Parameters:
  ///   - project: The project.
  ///   - image: An image of the project, of the kind ``ImageKind/system``.
  ///   - settings: Values of `--set`, by name.
  ///   - environment: Environment variables, for values with the tag `!env`.
  ///   - needsSecrets: True if a missing environment variable is an error, as in a build; a warning otherwise.
  /// - Returns: The system, checked as far as its files allow.
  /// - Throws: ``ProjectProblems`` with all problems of the project file and the layers, with secrets masked, if there
  ///   is at least one error.
  public func read(
    _ image: ImageDefinition, of project: ProjectDefinition, set settings: [String: String] = [:],
    environment: [String: String] = [:], needsSecrets: Bool = true
  ) throws(ProjectProblems) -> Result {
    var problems = ProblemList(fileKind: ProjectReader.kindOnDisk)
    problems.know(project.source)
    let result = read(
      image, of: project,
      surroundings: VariableTable.Surroundings(
        settings: settings, environment: environment, needsSecrets: needsSecrets), &problems)
    let found = problems.problems
    guard var result, found.errorCount == 0 else { throw found }
    result.warnings = found.diagnostics
    return result
  }

  private func read(
    _ image: ImageDefinition, of project: ProjectDefinition, surroundings: VariableTable.Surroundings,
    _ problems: inout ProblemList
  ) -> Result? {
    guard let request = image.system else {
      problems.error(
        "image '\(image.name)' is an appliance, and has no layers", at: image.position,
        hint: "a system has 'profile' or 'layers' in place of 'programs'")
      return nil
    }
    var trace = SystemTrace()
    let profile = profile(request.profile, project, &problems)
    var selection = LayerSelection(project: project, library: library)
    selection.drops = Set(request.drops.map(\.value))
    selection.replacements = Dictionary(request.replacements.map { ($0.name, $0.value.value) }) { first, _ in first }
    let asker = LayerSelection.Asker(words: profile.map { "profile '\($0.name)'" } ?? "", folder: nil)
    let own = LayerSelection.Asker(words: "image '\(image.name)'", folder: nil)
    selection.add(
      (profile?.layers ?? []).map { LayerSelection.Wish(name: $0, asker: asker) }
        + request.layers.map { LayerSelection.Wish(name: $0, asker: own) }, &problems)
    refuseMissingCheckouts(selection.missingCheckouts, project, &problems)
    refuseIdleChanges(request, selection, profile, &problems)
    var layers = LayerOrder.sorted(selection.layers, &problems)
    LayerOrder.checkConflicts(layers, reasons: selection.reasons, &problems)
    for layer in layers {
      trace.add(
        "layer", layer.name, layer: layer.name, "there because of \(selection.reasons[layer.name] ?? "the image")",
        at: layer.position)
    }
    apply(project.overrides, to: &layers, mayLack: selection.knownNames, image, &trace, &problems)
    apply(request.overrides, to: &layers, image, &trace, &problems)

    let base = request.base ?? .debian(suite: project.archive.suite)
    if case .image(let imported) = base {
      trace.add(
        "base", imported.file.lastPathComponent, layer: image.name, "the base of the root file system",
        at: imported.position)
    }
    var table = VariableTable(
      project: project, image: image, suite: base.suite, layers: layers, surroundings: surroundings)
    // If a layer is missing, correct uses of its variables would be reported as errors.
    let isComplete = problems.errorCount == 0
    if isComplete {
      table.fill(
        profile: profile, dropped: selection.drops.union(selection.replacements.keys), &trace, &problems)
    }
    guard isComplete else { return nil }
    var filling = LayerFilling(table: table, trace: trace, problems: problems)
    var filled = layers.map { filling.layer($0) }
    filled.append(filling.layer(of: image, request.parts))
    (table, trace, problems) = (filling.table, filling.trace, filling.problems)
    table.warnOfUnused(&problems)
    IdleKeys.check(image, request, layers, usedFacts: table.usedFacts, &problems)
    LayerAgreement.check(filled, &problems)
    AccountAgreement.check(filled, hasDaemon: image.management != nil, &problems)
    LayerAgreement.removeRepeated(&filled)
    return Result(
      system: SystemDefinition(base: base, layers: filled, variables: table.resolved), warnings: [], trace: trace,
      graph: LayerGraph(layers, image: image.name))
  }

  // MARK: Parts

  private func profile(
    _ name: Located<String>?, _ project: ProjectDefinition, _ problems: inout ProblemList
  ) -> ProfileDefinition? {
    guard let name else { return nil }
    let profiles = project.profiles + builtInProfiles(&problems)
    if let profile = profiles.first(where: { $0.name == name.value }) { return profile }
    problems.error(
      "there is no profile '\(name.value)'", at: name.position,
      hint: NearestName.hint(for: name.value, among: profiles.map(\.name), kind: "profiles")
        ?? "the built-in profiles were not found; CULTIVAR_LAYERS can name their folder")
    return nil
  }

  private func builtInProfiles(_ problems: inout ProblemList) -> [ProfileDefinition] {
    guard let file = library.builtIn?.appending(path: LayerLibrary.profilesFileName),
      case .success(let text) = ProjectReader.load(file)
    else { return [] }
    let source = SourceText(file: file.absoluteURL, text: text)
    problems.know(source)
    let document = YAMLDocument(source)
    problems.take(document.diagnostics)
    return document.root.flatMap { problems.read(ProfileFormat.profiles, $0) } ?? []
  }

  private func refuseMissingCheckouts(
    _ names: [String], _ project: ProjectDefinition, _ problems: inout ProblemList
  ) {
    for source in project.layers where names.contains(source.name) {
      problems.error(
        "the layer '\(source.name)' has not been fetched", at: source.position,
        hint: "`cultivar lock` fetches it")
    }
  }

  /// Reports dropped or replaced layers that nothing asks for. A misspelt name would otherwise leave the layer in.
  private func refuseIdleChanges(
    _ request: SystemRequest, _ selection: LayerSelection, _ profile: ProfileDefinition?, _ problems: inout ProblemList
  ) {
    let wished = Set(
      (profile?.layers ?? []).map(\.value) + request.layers.map(\.value)
        + selection.layers.flatMap { $0.requires.map(\.value) })
    for name in request.drops + request.replacements.map({ Located(value: $0.name, position: $0.position) }) {
      guard !wished.contains(name.value) else { continue }
      problems.error(
        "no layer or profile of the image names the layer '\(name.value)'", at: name.position,
        hint: NearestName.hint(for: name.value, among: wished.sorted(), kind: "named layers")
          ?? "remove the line")
    }
  }

  /// - Parameter known: Names of layers that the image need not have. Overrides of the project apply to all images.
  private func apply(
    _ overrides: [LayerOverride], to layers: inout [LayerDefinition], mayLack known: [String] = [],
    _ image: ImageDefinition, _ trace: inout SystemTrace, _ problems: inout ProblemList
  ) {
    for override in overrides {
      guard let index = layers.firstIndex(where: { $0.name == override.name }) else {
        guard !known.contains(override.name) else { continue }
        problems.error(
          "image '\(image.name)' has no layer '\(override.name)'", at: override.position,
          hint: NearestName.hint(for: override.name, among: layers.map(\.name), kind: "layers of the image"))
        continue
      }
      override.apply(to: &layers[index], &trace, &problems)
    }
  }
}

extension SystemBase {
  /// Debian suite of the packages; `nil` for the suite of an image that has not been read yet.
  public var suite: String? {
    switch self {
    case .debian(let suite): suite
    case .image(let base): base.suite
    }
  }
}

/// The checks between the layers of a system.
enum LayerAgreement {
  /// Reports layers that contradict each other.
  static func check(_ layers: [SystemLayer], _ problems: inout ProblemList) {
    var versions: [String: (version: String, layer: String)] = [:]
    var excluded: [String: String] = [:]
    for layer in layers {
      for package in layer.excludedPackages where excluded[package] == nil { excluded[package] = layer.name }
    }
    for layer in layers {
      for package in layer.packages {
        if let other = excluded[package.name] {
          problems.error(
            "layer '\(layer.name)' installs the package '\(package.name)', which layer '\(other)' excludes",
            at: layer.position, hint: "remove one of the two with 'override'")
        }
        guard let version = package.version else { continue }
        if let other = versions[package.name], other.version != version {
          problems.error(
            """
            layer '\(layer.name)' needs version \(version) of the package '\(package.name)', but layer \
            '\(other.layer)' needs \(other.version)
            """, at: layer.position, hint: "remove one of the two with 'override'")
        }
        versions[package.name] = (version, layer.name)
      }
    }
    unique(layers, "user", \.users, { $0.name }, { $0.position }, &problems)
    unique(layers, "repository", \.repositories, { $0.name }, { $0.position }, &problems)
    unique(layers, "health check", \.healthChecks, { $0.name }, { _ in nil }, &problems)
  }

  private static func unique<Part>(
    _ layers: [SystemLayer], _ noun: String, _ parts: (SystemLayer) -> [Part], _ name: (Part) -> String,
    _ position: (Part) -> SourcePosition?, _ problems: inout ProblemList
  ) {
    var first: [String: String] = [:]
    for layer in layers {
      for part in parts(layer) {
        guard let other = first[name(part)] else {
          first[name(part)] = layer.name
          continue
        }
        problems.error(
          "layers '\(other)' and '\(layer.name)' both have a \(noun) '\(name(part))'",
          at: position(part) ?? layer.position,
          hint: "change or remove the one in '\(other)' with 'override'")
      }
    }
  }

  /// Removes kernel arguments, kernel modules and firmware lines that an earlier layer already has.
  static func removeRepeated(_ layers: inout [SystemLayer]) {
    var arguments: Set<String> = []
    var modules: Set<String> = []
    var lines: Set<String> = []
    for index in layers.indices {
      layers[index].kernelArguments.removeAll { !arguments.insert($0).inserted }
      layers[index].bootModules.removeAll { !modules.insert($0.value).inserted }
      layers[index].bootConfiguration.removeAll { !lines.insert($0).inserted }
    }
  }
}
