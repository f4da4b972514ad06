import DebianPackages
import FoundationEssentials

/// A conversion of a layer's parts that fills in the variables.
struct LayerFilling {
  private(set) var table: VariableTable
  private(set) var trace: SystemTrace
  private(set) var problems: ProblemList
  /// Name of the current layer.
  private var name = ""
  /// Layer that declares the variables with plain names; `nil` for the image's own additions.
  private var owner: LayerDefinition?

  init(table: VariableTable, trace: SystemTrace, problems: ProblemList) {
    self.table = table
    self.trace = trace
    self.problems = problems
  }

  /// Text with its variables filled in.
  private struct Filled {
    var text: String
    var isSecret = false
  }

  /// Returns a layer with its variables filled in.
  mutating func layer(_ definition: LayerDefinition) -> SystemLayer {
    (name, owner) = (definition.name, definition)
    var layer = SystemLayer(name: name, origin: definition.origin, position: definition.position)
    layer.parts = filled(definition.parts)
    return layer
  }

  /// Returns the image's own additions as a layer with its variables filled in.
  mutating func layer(of image: ImageDefinition, _ parts: LayerParts<WrittenForm>) -> SystemLayer {
    (name, owner) = (image.name, nil)
    var layer = SystemLayer(name: name, origin: "the image", position: image.position)
    layer.parts = filled(parts)
    return layer
  }

  private mutating func filled(_ parts: LayerParts<WrittenForm>) -> LayerParts<FilledForm> {
    var layer = LayerParts<FilledForm>()
    layer.repositories = parts.repositories.compactMap { repository($0) }
    layer.packages = unique(texts(parts.packages)).map { PackageWish($0) }
    note("package", parts.packages.map { ($0.packageName, $0.position) }, "installed")
    layer.removedPackages = unique(texts(parts.removedPackages))
    note("package", parts.removedPackages.map { ($0.written, $0.position) }, "removed", replacing: true)
    layer.excludedPackages = unique(texts(parts.excludedPackages))
    note("package", parts.excludedPackages.map { ($0.written, $0.position) }, "excluded")
    layer.pathRules = parts.pathRules.compactMap { path in
      text(path.pattern).map { PathRule(pattern: $0, isInclusion: path.isInclusion) }
    }
    layer.groups = parts.groups
    note("group", parts.groups.map { ($0.name, $0.position) }, "made")
    layer.users = parts.users.compactMap { user($0) }
    note("user", parts.users.map { ($0.name, $0.position) }, "made")
    layer.files = parts.files.flatMap { files($0) } + parts.units.added.map { unit($0) }
    for file in layer.files { trace.replace("file", file.path, layer: name, file.action, at: file.position) }
    layer.steps = parts.steps.map { step($0) }
    note("step", parts.steps.map { ($0.name, $0.position) }, "runs")
    layer.units = units(parts.units)
    layer.kernelArguments = unique(texts(parts.kernelArguments))
    note("kernel argument", parts.kernelArguments.map { ($0.written, $0.position) }, "added")
    layer.bootModules = unique(locatedTexts(parts.bootModules))
    layer.bootConfiguration = unique(texts(parts.bootConfiguration))
    layer.persistedPaths = parts.persistedPaths.compactMap { part in
      text(part.path).map { PersistedPath(path: $0, onUpdate: part.onUpdate) }
    }
    note("persisted path", parts.persistedPaths.map { ($0.path.written, $0.path.position) }, "kept")
    layer.healthChecks = parts.healthChecks
    note("health check", parts.healthChecks.map { ($0.name, $0.position) }, "added")
    return layer
  }

  private mutating func note(
    _ kind: String, _ names: [(String, SourcePosition)], _ action: String, replacing: Bool = false
  ) {
    for (part, position) in names {
      if replacing {
        trace.replace(kind, part, layer: name, action, at: position)
      } else {
        trace.add(kind, part, layer: name, action, at: position)
      }
    }
  }

  private func unique(_ texts: [String]) -> [String] {
    var seen: Set<String> = []
    return texts.filter { seen.insert($0).inserted }
  }

  private func unique(_ texts: [Located<String>]) -> [Located<String>] {
    var seen: Set<String> = []
    return texts.filter { seen.insert($0.value).inserted }
  }

  // MARK: Text

  /// Returns the filled-in text of a part that must not contain secrets; `nil` after an error, which has been reported.
  private mutating func text(_ text: VariableText?) -> String? {
    guard let text, let filled = fill(text, mayBeSecret: false) else { return nil }
    return filled.text
  }

  /// Returns the filled-in texts of a list. An item that is only a list variable yields one item for each entry.
  private mutating func texts(_ items: [VariableText]) -> [String] {
    items.flatMap { item -> [String] in
      if let variable = item.onlyVariable,
        let entry = table.entry(variable, in: owner, at: item.position, &problems)
      {
        if let entries = entry.value.entries, !entry.isSecret {
          return entries.compactMap { checked($0, item) }
        }
        return text(item).map { [$0] } ?? []
      }
      if item.onlyVariable != nil { return [] }
      return text(item).map { [$0] } ?? []
    }
  }

  /// Returns ``text(_:)`` with its position.
  private mutating func locatedText(_ text: VariableText?) -> Located<String>? {
    guard let text, let filled = self.text(text) else { return nil }
    return Located(value: filled, position: text.position)
  }

  /// Returns ``texts(_:)`` with their positions.
  private mutating func locatedTexts(_ items: [VariableText]) -> [Located<String>] {
    items.flatMap { item in texts([item]).map { Located(value: $0, position: item.position) } }
  }

  private mutating func fill(_ text: VariableText, mayBeSecret: Bool) -> Filled? {
    var filled = Filled(text: "")
    var isWhole = true
    for part in text.parts {
      switch part {
      case .literal(let literal): filled.text += literal
      case .variable(let variable):
        guard let entry = table.entry(variable, in: owner, at: text.position, &problems) else {
          isWhole = false
          continue
        }
        if entry.isSecret, !mayBeSecret {
          problems.error(
            "the secret '\(variable)' cannot be part of \(text.kind.noun)", at: text.position,
            hint: "secrets can be in the content of files, in a user's password, and among a step's 'secrets'")
          isWhole = false
        }
        if entry.value.entries != nil, ![.anyText, .programText].contains(text.kind) {
          problems.error(
            "the list '\(variable)' cannot be part of \(text.kind.noun)", at: text.position,
            hint: "in a list, an item with only ${\(variable)} stands for all its entries")
          isWhole = false
        }
        filled.text += entry.value.text
        filled.isSecret = filled.isSecret || entry.isSecret
      }
    }
    guard isWhole else { return nil }
    guard !text.variables.isEmpty else { return filled }
    return checked(filled.text, text).map { Filled(text: $0, isSecret: filled.isSecret) }
  }

  /// Checks the form of a text after its variables are filled in.
  private mutating func checked(_ filled: String, _ text: VariableText) -> String? {
    problems.read(text.kind.shape, SourceNode(.text(filled), at: text.position))
  }

  // MARK: Parts

  private mutating func repository(_ part: LayerRepository<WrittenForm>) -> SystemRepository? {
    let source = part.source
    let (suites, components) = (texts(source.suites), texts(source.components))
    guard let url = text(source.url) else { return nil }
    trace.add("repository", part.name, layer: name, "added", at: part.position)
    return SystemRepository(
      position: part.position,
      source: PackageRepository(
        name: part.name, url: url, suites: suites, components: components, key: source.key, pin: source.pin),
      architectures: part.architectures, inImage: part.inImage)
  }

  private mutating func user(_ part: LayerUser<WrittenForm>) -> SystemUser? {
    let password = part.passwordHash.flatMap { fill($0, mayBeSecret: true) }
    return SystemUser(
      position: part.position, name: part.name, uid: part.uid, group: locatedText(part.group),
      groups: unique(locatedTexts(part.groups)), home: locatedText(part.home), shell: locatedText(part.shell),
      passwordHash: password?.text, authorizedKeys: texts(part.authorizedKeys), isSystem: part.isSystem)
  }

  private mutating func files(_ part: FilePart) -> [SystemFile] {
    let (owner, group) = (text(part.owner) ?? "root", text(part.group) ?? "root")
    guard let path = text(part.path) else { return [] }
    func file(_ content: SystemFile.Content, at path: String, isSecret: Bool = false) -> SystemFile {
      SystemFile(
        position: part.position, path: path, content: content, owner: owner, group: group,
        mode: part.mode ?? (isSecret ? 0o600 : nil), isSecret: isSecret)
    }
    switch part.content {
    case .file(let url) where ProjectReader.kindOnDisk(url) == .folder:
      let inner = FolderContent(url, at: path).parts(position: part.position, &problems)
      return inner.flatMap { item in
        var item = item
        (item.owner, item.group) = (part.owner, part.group)
        // The mode applies only to files. Folders must remain searchable.
        if case .file = item.content { item.mode = part.mode }
        return files(item)
      }
    case .file(let url):
      refuseAttributes(of: url, at: part.position)
      return [file(.file(url), at: path)]
    case .template(let url):
      return template(url, at: part.position).map { [file(.text($0.text), at: path, isSecret: $0.isSecret)] } ?? []
    case .text(let content):
      return fill(content, mayBeSecret: true).map { [file(.text($0.text), at: path, isSecret: $0.isSecret)] } ?? []
    case .folder: return [file(.folder, at: path)]
    case .link(let target): return text(target).map { [file(.link($0), at: path)] } ?? []
    case .absent: return [file(.absent, at: path)]
    // In a layer, the content was set when the layer was read. Elsewhere, this has been reported.
    case .overlay: return []
    }
  }

  /// Reports attributes of a file that are not copied.
  private mutating func refuseAttributes(of file: URL, at position: SourcePosition) {
    for message in LostAttributes.messages(about: file) {
      let hint = "set it in a step: `setcap`, `setfacl`, `setfattr`"
      switch message.severity {
      case .error: problems.error(message.text, at: position, hint: hint)
      case .warning: problems.warning(message.text, at: position, hint: hint)
      }
    }
  }

  /// Returns the text of a file with its variables filled in.
  ///
  /// The file is processed line by line, so that errors have the right position.
  private mutating func template(_ url: URL, at position: SourcePosition) -> Filled? {
    let content: String
    switch ProjectReader.load(url) {
    case .success(let loaded): content = loaded
    case .failure(let failure):
      problems.take(failure.diagnostics)
      return nil
    }
    problems.know(SourceText(file: url.absoluteURL, text: content))
    var result = Filled(text: "")
    var isWhole = true
    let lines = content.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
    for (index, line) in lines.enumerated() {
      if index > 0 { result.text += "\n" }
      let column = (line.firstRange(of: "${")?.lowerBound).map { line.distance(from: line.startIndex, to: $0) } ?? 0
      let place = SourcePosition(file: url.absoluteURL, line: index + 1, column: column + 1)
      var mistakes: [(String, String?)] = []
      let parsed = VariableText.parse(line, at: place, kind: .anyText) { mistakes.append(($0, $1)) }
      for (message, hint) in mistakes { problems.error(message, at: place, hint: hint) }
      guard let parsed, let filled = fill(parsed, mayBeSecret: true) else {
        isWhole = false
        continue
      }
      result.text += filled.text
      result.isSecret = result.isSecret || filled.isSecret
    }
    return isWhole ? result : nil
  }

  private func unit(_ file: Located<URL>) -> SystemFile {
    SystemFile(
      position: file.position, path: "/etc/systemd/system/\(file.value.lastPathComponent)", content: .file(file.value),
      mode: 0o644)
  }

  private mutating func units(_ parts: LayerUnits<WrittenForm>) -> UnitChanges {
    var units = UnitChanges()
    units.enabled = unique(locatedTexts(parts.enabled))
    units.disabled = unique(locatedTexts(parts.disabled))
    units.masked = unique(locatedTexts(parts.masked))
    units.defaultTarget = locatedText(parts.defaultTarget)
    for (list, action) in [(parts.enabled, "enabled"), (parts.disabled, "disabled"), (parts.masked, "masked")] {
      note("unit", list.map { ($0.written, $0.position) }, action, replacing: true)
    }
    return units
  }

  private mutating func step(_ part: StepPart) -> BuildStep {
    var environment: [String: String] = [:]
    for declaration in owner?.variables ?? [] where declaration.type != .secret {
      guard let entry = table.entries["\(name).\(declaration.name)"] else { continue }
      environment[Self.environmentName(of: declaration.name)] = entry.value.text
    }
    for item in part.environment { environment[item.name] = text(item.value) }
    var secrets: [String: String] = [:]
    for secret in part.secrets {
      guard let entry = table.entry(secret.value, in: owner, at: secret.position, &problems) else { continue }
      guard entry.isSecret else {
        problems.error(
          "the variable '\(secret.value)' is not a secret", at: secret.position,
          hint: "remove it: the step has it as ${\(Self.environmentName(of: secret.value))}")
        continue
      }
      secrets[secret.value] = entry.value.text
    }
    var step = part.step
    (step.environment, step.secrets) = (environment, secrets)
    return step
  }

  /// Returns the name of the environment variable that gives a layer's variable to a step.
  ///
  /// The prefix avoids conflicts: a layer can have a variable `path`.
  static func environmentName(of variable: String) -> String {
    "VAR_" + variable.uppercased().replacing("-", with: "_").replacing(".", with: "_")
  }
}

extension SystemFile {
  /// Description of the change at the path, for people.
  fileprivate var action: String {
    switch content {
    case .file(let url): "copied from \(url.path)"
    case .text: isSecret ? "written, with a secret in it" : "written"
    case .folder: "made as a folder"
    case .link(let target): "made as a link to \(target)"
    case .absent: "removed"
    }
  }
}
