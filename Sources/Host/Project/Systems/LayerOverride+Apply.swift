import Spelling

extension LayerOverride {
  /// Applies the override to a layer: removes parts, then merges the new ones.
  ///
  /// A new part takes the position of a part with the same name or path.
  func apply(to layer: inout LayerDefinition, _ trace: inout SystemTrace, _ problems: inout ProblemList) {
    for item in removals.items {
      remove(item, from: &layer, &trace, &problems)
    }
    let base = layer.parts
    layer.parts.repositories = Self.merged(base.repositories, parts.repositories)
    layer.parts.groups = Self.merged(base.groups, parts.groups)
    layer.parts.users = Self.merged(base.users, parts.users)
    layer.parts.steps = Self.merged(base.steps, parts.steps)
    layer.parts.healthChecks = Self.merged(base.healthChecks, parts.healthChecks)
    layer.parts.packages = Self.merged(base.packages, parts.packages) { $0.packageName }
    layer.parts.removedPackages = Self.merged(base.removedPackages, parts.removedPackages) { $0.written }
    layer.parts.excludedPackages = Self.merged(base.excludedPackages, parts.excludedPackages) { $0.written }
    layer.parts.files = Self.merged(base.files, parts.files) { $0.path.written }
    layer.parts.persistedPaths = Self.merged(base.persistedPaths, parts.persistedPaths) { $0.path.written }
    // The last rule that matches applies, so the rules of the override come last.
    layer.parts.pathRules += parts.pathRules
    layer.parts.kernelArguments = Self.merged(base.kernelArguments, parts.kernelArguments) { $0.written }
    layer.parts.bootModules = Self.merged(base.bootModules, parts.bootModules) { $0.written }
    layer.parts.bootConfiguration = Self.merged(base.bootConfiguration, parts.bootConfiguration) { $0.written }
    mergeUnits(into: &layer.parts.units)
    for file in parts.files {
      guard case .overlay = file.content else { continue }
      problems.error(
        "the file '\(file.path.written)' has no content in the override of layer '\(name)'", at: file.position,
        hint: "add 'source', 'content', 'link', 'folder: true' or 'absent: true'")
    }
  }

  private func mergeUnits(into units: inout LayerUnits<WrittenForm>) {
    let named = Set((parts.units.enabled + parts.units.disabled + parts.units.masked).map(\.written))
    // For each unit, the setting of the override replaces that of the layer.
    units.enabled = units.enabled.filter { !named.contains($0.written) } + parts.units.enabled
    units.disabled = units.disabled.filter { !named.contains($0.written) } + parts.units.disabled
    units.masked = units.masked.filter { !named.contains($0.written) } + parts.units.masked
    let added = Set(parts.units.added.map(\.value.lastPathComponent))
    units.added = units.added.filter { !added.contains($0.value.lastPathComponent) } + parts.units.added
    units.defaultTarget = parts.units.defaultTarget ?? units.defaultTarget
  }

  private static func merged<Part: NamedPart>(_ base: [Part], _ others: [Part]) -> [Part] {
    merged(base, others) { $0.name }
  }

  private static func merged<Part>(_ base: [Part], _ others: [Part], by name: (Part) -> String) -> [Part] {
    var result = base
    for other in others {
      if let index = result.firstIndex(where: { name($0) == name(other) }) {
        result[index] = other
      } else {
        result.append(other)
      }
    }
    return result
  }

  // MARK: Removals

  private func remove(
    _ item: PartRemovals.Item, from layer: inout LayerDefinition, _ trace: inout SystemTrace,
    _ problems: inout ProblemList
  ) {
    let name = item.name.value
    let names = Self.names(of: item.kind, in: layer.parts)
    guard names.contains(where: { $0.text == name }) else {
      problems.error(
        "layer '\(layer.name)' has no \(item.kind.noun) '\(name)'", at: item.name.position,
        hint: NearestName.hint(for: name, among: names.map(\.text), kind: item.kind.rawValue)
          ?? "it has none of this kind")
      return
    }
    for found in names where found.text == name {
      trace.add(item.kind.noun, name, layer: layer.name, "from the layer", at: found.position, counts: false)
    }
    trace.add(item.kind.noun, name, layer: layer.name, "removed by an override", at: item.name.position)
    Self.take(name, of: item.kind, outOf: &layer.parts)
  }

  private struct Name {
    var text: String
    var position: SourcePosition

    init(_ text: String, _ position: SourcePosition) {
      self.text = text
      self.position = position
    }
  }

  private static func names(of kind: PartRemovals.Kind, in parts: LayerParts<WrittenForm>) -> [Name] {
    func texts(_ texts: [VariableText]) -> [Name] { texts.map { Name($0.written, $0.position) } }
    func named(_ items: [any NamedPart]) -> [Name] { items.map { Name($0.name, $0.position) } }
    return switch kind {
    case .repositories: named(parts.repositories)
    case .packages:
      parts.packages.map { Name($0.packageName, $0.position) } + texts(parts.removedPackages + parts.excludedPackages)
    case .paths: texts(parts.pathRules.map(\.pattern))
    case .groups: named(parts.groups)
    case .users: named(parts.users)
    case .files: texts(parts.files.map(\.path))
    case .steps: named(parts.steps)
    case .units:
      texts(parts.units.enabled + parts.units.disabled + parts.units.masked)
        + parts.units.added.map { Name($0.value.lastPathComponent, $0.position) }
    case .kernel: texts(parts.kernelArguments + parts.bootModules)
    case .firmware: texts(parts.bootConfiguration)
    case .state: texts(parts.persistedPaths.map(\.path))
    case .health: named(parts.healthChecks)
    }
  }

  private static func take(_ name: String, of kind: PartRemovals.Kind, outOf parts: inout LayerParts<WrittenForm>) {
    switch kind {
    case .repositories: parts.repositories.removeAll { $0.name == name }
    case .packages:
      parts.packages.removeAll { $0.packageName == name }
      parts.removedPackages.removeAll { $0.written == name }
      parts.excludedPackages.removeAll { $0.written == name }
    case .paths: parts.pathRules.removeAll { $0.pattern.written == name }
    case .groups: parts.groups.removeAll { $0.name == name }
    case .users: parts.users.removeAll { $0.name == name }
    case .files: parts.files.removeAll { $0.path.written == name }
    case .steps: parts.steps.removeAll { $0.name == name }
    case .units:
      parts.units.enabled.removeAll { $0.written == name }
      parts.units.disabled.removeAll { $0.written == name }
      parts.units.masked.removeAll { $0.written == name }
      parts.units.added.removeAll { $0.value.lastPathComponent == name }
    case .kernel:
      parts.kernelArguments.removeAll { $0.written == name }
      parts.bootModules.removeAll { $0.written == name }
    case .firmware: parts.bootConfiguration.removeAll { $0.written == name }
    case .state: parts.persistedPaths.removeAll { $0.path.written == name }
    case .health: parts.healthChecks.removeAll { $0.name == name }
    }
  }
}

extension VariableText {
  /// The name of the package, without a version.
  var packageName: String { String(written.prefix { $0 != "=" }) }
}
