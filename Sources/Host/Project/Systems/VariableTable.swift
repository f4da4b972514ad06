import FoundationEssentials
import LinuxSystem
import Spelling

/// The variables of a system, each with its value and the source of the value.
struct VariableTable {
  /// The value of a variable.
  struct Entry {
    var value: VariableValue
    var isSecret: Bool
    var source: ValueSource
  }

  /// The values from outside the files.
  struct Surroundings: Sendable {
    /// Values of `--set`, by name.
    var settings: [String: String]
    /// Environment variables, for the tag `!env`.
    var environment: [String: String]
    /// True if a missing environment variable is an error; a warning otherwise.
    var needsSecrets: Bool
  }

  /// Full names of the variables, in the order of the layers.
  private(set) var names: [String] = []
  private(set) var entries: [String: Entry] = [:]
  /// Names of variables without a valid value. This has been reported, so their use is not another error.
  private var broken: Set<String> = []
  /// Plain names that a text uses.
  private(set) var usedPlainNames: Set<String> = []
  /// Facts of image and project that texts use.
  private(set) var usedFacts: Set<String> = []
  private let project: ProjectDefinition
  private let image: ImageDefinition
  private let layers: [LayerDefinition]
  private let surroundings: Surroundings
  private let facts: [String: String]

  init(
    project: ProjectDefinition, image: ImageDefinition, suite: String?, layers: [LayerDefinition],
    surroundings: Surroundings
  ) {
    self.project = project
    self.image = image
    self.layers = layers
    self.surroundings = surroundings
    var facts = [
      "project.name": project.name, "project.version": project.version, "image.name": image.name,
      "image.hostname": image.hostname, "image.timezone": image.timezone, "image.device": image.device.rawValue,
    ]
    facts["image.suite"] = suite
    self.facts = facts
  }

  /// The values that an image, a project or a profile sets.
  private struct Level {
    var given: [GivenVariable]
    var words: String
    var source: (SourcePosition) -> ValueSource
  }

  /// Finds all values.
  ///
  /// - Parameters:
  ///   - profile: Profile of the image.
  ///   - dropped: Names of dropped and replaced layers. Values for their variables are not errors.
  mutating func fill(
    profile: ProfileDefinition?, dropped: Set<String>, _ trace: inout SystemTrace, _ problems: inout ProblemList
  ) {
    let levels = [
      Level(given: image.system?.variables ?? [], words: "the image '\(image.name)'") { .image($0) },
      Level(given: project.variables, words: "the project") { .project($0) },
      Level(given: profile?.variables ?? [], words: "the profile '\(profile?.name ?? "")'") {
        .profile(profile?.name ?? "", $0)
      },
    ]
    for layer in layers {
      for declaration in layer.variables {
        fill(declaration, of: layer, levels, &trace, &problems)
      }
    }
    fillPlain(levels, &trace, &problems)
    refuseUnknown(levels, dropped, &problems)
  }

  // MARK: Variables of layers

  private mutating func fill(
    _ declaration: VariableDeclaration, of layer: LayerDefinition, _ levels: [Level], _ trace: inout SystemTrace,
    _ problems: inout ProblemList
  ) {
    let name = "\(layer.name).\(declaration.name)"
    let isSecret = declaration.type == .secret
    var found: Entry?
    var isGiven = false
    func record(_ value: VariableValue?, _ source: ValueSource, _ words: String, at position: SourcePosition?) {
      if isSecret, let value { problems.hide(value.text) }
      let shown = isSecret ? ProblemList.cover : value?.text
      trace.add(
        "variable", name, layer: layer.name, words, at: position, counts: !isGiven, value: shown)
      if !isGiven { found = value.map { Entry(value: $0, isSecret: isSecret, source: source) } }
      isGiven = true
    }
    if let text = surroundings.settings[name] {
      record(
        setting(text, name: name, declaration, &problems), .commandLine, "--set on the command line", at: nil)
    }
    for level in levels {
      for given in level.given where given.name == name {
        warnOfClearSecret(given, isSecret: isSecret, &problems)
        let value = node(given.value, isTextual: declaration.isTextual, isList: declaration.type == .list, &problems)
          .flatMap { Self.isPrivateKey($0, name, isSecret, &problems) ? nil : problems.read(declaration.shape, $0) }
        record(value, level.source(given.position), "value of \(level.words)", at: given.position)
      }
    }
    if let node = declaration.defaultValue {
      // Its errors were reported when the layer was read.
      var scratch = problems.reading(at: node.position)
      record(
        declaration.shape.read(node, &scratch), .layerDefault(node.position), "default of the layer", at: node.position)
    }
    names.append(name)
    entries[name] = found
    if found == nil { broken.insert(name) }
    guard !isGiven else { return }
    problems.error(
      "the variable '\(name)' has no value", at: image.position,
      hint: isSecret
        ? "add it to 'variables' of the image: `\(name): !env NAME` or `\(name): !file PATH`"
        : "\(declaration.about); add `\(name): …` to 'variables' of the image")
  }

  private func warnOfClearSecret(_ given: GivenVariable, isSecret: Bool, _ problems: inout ProblemList) {
    guard isSecret, case .scalar(let scalar) = given.value.content else { return }
    problems.hide(scalar.text)
    problems.warning(
      "the secret '\(given.name)' is plain text in \(given.position.file.lastPathComponent)", at: given.position,
      hint: "write `!env NAME` or `!file PATH` instead, and change the secret: everyone with the file can read it")
  }

  /// Returns a value from the command line: text, the lines of a list, or the value that a tag refers to.
  private func setting(
    _ text: String, name: String, _ declaration: VariableDeclaration, _ problems: inout ProblemList
  ) -> VariableValue? {
    var written: SourceNode
    if let tag = SourceReference.Tag.allCases.first(where: { text.hasPrefix("\($0.rawValue) ") }) {
      let rest = text.dropFirst(tag.rawValue.count).drop { $0 == " " }
      written = SourceNode(content: .reference(SourceReference(tag: tag, text: String(rest))), position: image.position)
    } else {
      if declaration.type == .secret {
        problems.hide(text)
        problems.error(
          "the secret '\(name)' cannot be given on the command line, where others can read it", at: image.position,
          hint: "write --set '\(name)=!env NAME' or --set '\(name)=!file PATH'")
        return nil
      }
      written = Self.node(text, isTextual: declaration.isTextual, isList: declaration.type == .list, at: image.position)
    }
    guard let node = node(written, isTextual: declaration.isTextual, isList: declaration.type == .list, &problems)
    else { return nil }
    guard !Self.isPrivateKey(node, name, declaration.type == .secret, &problems) else { return nil }
    var reading = problems.reading(at: image.position)
    let value = declaration.shape.read(node, &reading)
    problems.take(
      reading.diagnostics.map { diagnostic in
        var diagnostic = diagnostic
        diagnostic.message = "--set \(name): \(diagnostic.message)"
        return diagnostic
      })
    return value
  }

  /// Returns true if the value of a variable that is not secret is a private key. Reports it without showing the key.
  private static func isPrivateKey(
    _ node: SourceNode, _ name: String, _ isSecret: Bool, _ problems: inout ProblemList
  ) -> Bool {
    guard !isSecret, let value = plainValue(node), PrivateKeyText.isOne(value.text) else { return false }
    problems.hide(value.text)
    problems.error(
      "the value of '\(name)' is a private key, which everyone with the image could read", at: node.position,
      hint: PrivateKeyText.hint)
    return true
  }

  /// Returns the value that a tag refers to; other values unchanged.
  private func node(
    _ node: SourceNode, isTextual: Bool, isList: Bool, _ problems: inout ProblemList
  ) -> SourceNode? {
    guard case .reference(let reference) = node.content else { return node }
    let text: String
    switch reference.tag {
    case .environment:
      guard let value = surroundings.environment[reference.text] else {
        let message = "the environment has no variable '\(reference.text)'"
        if surroundings.needsSecrets {
          problems.error(message, at: node.position, hint: "set it for the command: \(reference.text)=… cultivar build")
          return nil
        }
        problems.warning(message, at: node.position, hint: "set it before a build")
        return nil
      }
      text = value
    case .file:
      let file = node.position.file.deletingLastPathComponent().file(at: reference.text)
      guard ProjectReader.kindOnDisk(file) == .file, let data = try? Data(contentsOf: file),
        data.count <= ProjectReader.maximumBytes, let content = String(data: data, encoding: .utf8)
      else {
        problems.error(
          "the file '\(reference.text)' cannot be read as text", at: node.position,
          hint: "paths are relative to the folder of the file that names them")
        return nil
      }
      text = content
    }
    return Self.node(text, isTextual: isTextual, isList: isList, at: node.position)
  }

  /// Returns the value of a text from outside YAML.
  ///
  /// Single values lose their final line break. In a list, each line that is neither empty nor a comment is an entry.
  private static func node(_ text: String, isTextual: Bool, isList: Bool, at position: SourcePosition) -> SourceNode {
    func scalar(_ text: String) -> SourceNode {
      SourceNode(content: .scalar(SourceScalar(text, isPlain: !isTextual)), position: position)
    }
    guard isList else { return scalar(text.hasSuffix("\n") ? String(text.dropLast()) : text) }
    let lines = text.split(whereSeparator: \.isNewline).map { $0.trimmed }
    return SourceNode(
      content: .list(lines.filter { !$0.isEmpty && !$0.hasPrefix("#") }.map(scalar)), position: position)
  }

  // MARK: Variables of project and image

  private mutating func fillPlain(_ levels: [Level], _ trace: inout SystemTrace, _ problems: inout ProblemList) {
    for level in levels {
      for given in level.given where !given.name.contains(".") {
        // A value from the environment is treated as a secret, because no declaration says otherwise.
        let isSecret =
          if case .reference(let reference) = given.value.content { reference.tag == .environment } else { false }
        let isFirst = entries[given.name] == nil && !broken.contains(given.name)
        let value = node(given.value, isTextual: true, isList: false, &problems).flatMap(Self.plainValue)
        if isSecret, let value { problems.hide(value.text) }
        let setting = isFirst ? surroundings.settings[given.name] : nil
        if let setting {
          entries[given.name] = Entry(value: VariableValue(setting), isSecret: false, source: .commandLine)
          names.append(given.name)
          trace.add("variable", given.name, layer: "", "--set on the command line", at: nil, value: setting)
        }
        trace.add(
          "variable", given.name, layer: "", "value of \(level.words)", at: given.position,
          counts: isFirst && setting == nil, value: isSecret ? ProblemList.cover : value?.text)
        guard isFirst, setting == nil else { continue }
        guard let value else {
          broken.insert(given.name)
          continue
        }
        names.append(given.name)
        entries[given.name] = Entry(value: value, isSecret: isSecret, source: level.source(given.position))
      }
    }
  }

  private static func plainValue(_ node: SourceNode) -> VariableValue? {
    switch node.content {
    case .scalar(let scalar): VariableValue(scalar.text)
    case .list(let items):
      VariableValue(
        entries: items.compactMap { if case .scalar(let scalar) = $0.content { scalar.text } else { nil } })
    case .mapping, .reference: nil
    }
  }

  // MARK: Names

  private func refuseUnknown(_ levels: [Level], _ dropped: Set<String>, _ problems: inout ProblemList) {
    for (index, level) in levels.enumerated() {
      for given in level.given {
        let parts = given.name.split(separator: ".").map(String.init)
        guard parts.count == 2, entries[given.name] == nil, !broken.contains(given.name) else { continue }
        if let layer = layers.first(where: { $0.name == parts[0] }) {
          problems.error(
            "layer '\(layer.name)' has no variable '\(parts[1])'", at: given.position,
            hint: NearestName.hint(for: parts[1], among: layer.variables.map(\.name), kind: "variables")
              ?? "the layer has no variables")
        } else if index != 1, !dropped.contains(parts[0]) {
          // Values of the project apply to all images. This image need not have the layer.
          problems.error(
            "image '\(image.name)' has no layer '\(parts[0])'", at: given.position,
            hint: NearestName.hint(for: parts[0], among: layers.map(\.name), kind: "layers of the image"))
        }
      }
    }
    for name in surroundings.settings.keys.sorted() where entries[name] == nil && !broken.contains(name) {
      problems.error(
        "--set \(name): image '\(image.name)' has no variable of this name", at: image.position,
        hint: NearestName.hint(for: name, among: names, kind: "variables"))
    }
  }

  /// Warns of plain names that nothing uses. The user probably meant a layer's variable.
  func warnOfUnused(_ problems: inout ProblemList) {
    for given in image.system?.variables ?? [] where !given.name.contains(".") && !usedPlainNames.contains(given.name) {
      let meant = layers.flatMap { layer in layer.variables.map { "\(layer.name).\($0.name)" } }
        .first { $0.hasSuffix(".\(given.name)") }
      problems.warning(
        "nothing uses the variable '\(given.name)'", at: given.position,
        hint: meant.map { "did you mean '\($0)'?" } ?? "use it as ${\(given.name)}, or remove it")
    }
  }

  /// Returns the variable that a text names.
  ///
  /// - Parameters:
  ///   - name: Name as written, with or without a layer.
  ///   - layer: Layer that contains the text; `nil` for the image.
  /// - Returns: The variable; `nil` if there is none or it has no value, which has been reported.
  mutating func entry(
    _ name: String, in layer: LayerDefinition?, at position: SourcePosition, _ problems: inout ProblemList
  ) -> Entry? {
    if let fact = facts[name] {
      usedFacts.insert(name)
      return Entry(value: VariableValue(fact), isSecret: false, source: .image(image.position))
    }
    var full = name
    if !name.contains(".") {
      if let layer { full = "\(layer.name).\(name)" } else { usedPlainNames.insert(name) }
    }
    if let entry = entries[full] { return entry }
    guard !broken.contains(full) else { return nil }
    let place = layer.map { "layer '\($0.name)'" } ?? "image '\(image.name)'"
    if let dot = name.firstIndex(of: "."), !layers.contains(where: { $0.name == name[..<dot] }),
      !["image", "project"].contains(String(name[..<dot]))
    {
      problems.error(
        "${\(name)}: image '\(image.name)' has no layer '\(name[..<dot])'", at: position,
        hint: NearestName.hint(for: String(name[..<dot]), among: layers.map(\.name), kind: "layers of the image"))
      return nil
    }
    if name == "image.suite" {
      problems.error(
        "the suite of image '\(image.name)' is not known", at: position,
        hint: "texts need it before the import of the base: write 'base: { image: …, suite: … }'")
      return nil
    }
    let own = layer.map { $0.variables.map(\.name) } ?? names.filter { !$0.contains(".") }
    let candidates = name.contains(".") ? names.filter { $0.contains(".") } + facts.keys.sorted() : own
    problems.error(
      "there is no variable '\(name)' in \(place)", at: position,
      hint: NearestName.hint(for: name, among: candidates, kind: "variables")
        ?? "declare it under 'variables'")
    return nil
  }

  /// All variables, in the order of the layers, then those of project and image.
  var resolved: [ResolvedVariable] {
    names.compactMap { name in
      entries[name].map {
        ResolvedVariable(name: name, value: $0.value.text, isSecret: $0.isSecret, source: $0.source)
      }
    }
  }
}

extension VariableDeclaration {
  /// True if all values are text, even those that look like numbers.
  fileprivate var isTextual: Bool {
    switch type {
    case .string, .list, .enumeration, .path, .secret: true
    case .integer, .boolean, .size, .duration: false
    }
  }
}
