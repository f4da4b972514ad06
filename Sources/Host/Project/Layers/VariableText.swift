/// What a text of a layer must be once its variables are filled in.
enum TextKind: String, Sendable, Equatable {
  case anyText, package, packageName, path, addedPath, pathPattern, unit, kernelArgument, kernelModule, firmwareLine
  case persistedPath, account, owner, passwordHash, authorizedKey, programText, url, suite, component, linkTarget

  /// The shape of the whole text.
  var shape: Shape<String> {
    switch self {
    case .anyText: .anyText
    case .package: .packageWish
    case .packageName: .debianPackage
    case .path: .imagePath
    case .persistedPath: .persistedPath
    case .addedPath: .addedPath
    case .pathPattern: .pathPattern
    case .unit: .systemdUnit
    case .kernelArgument: .kernelArgument
    case .kernelModule: .kernelModule
    case .firmwareLine: .firmwareLine
    case .account: .accountName
    case .owner: .accountOrNumber
    case .passwordHash: .passwordHash
    case .authorizedKey: .authorizedKey
    case .programText: .programText
    case .url: .archiveURL
    case .suite: .repositorySuite
    case .component: .repositoryComponent
    case .linkTarget: .linkTarget
    }
  }

  /// What it is, with its article, for a message.
  var noun: String {
    if case .text(let text) = shape.description { text.noun } else { "text" }
  }
}

/// Text in which variables may stand: `${name}` of the layer itself, `${layer.name}` of another one; `$${` is `${`.
struct VariableText: Sendable, Equatable {
  /// A part of the text.
  enum Part: Sendable, Equatable {
    /// Text as it is.
    case literal(String)
    /// The value of a variable.
    case variable(String)
  }

  /// The parts, in order.
  var parts: [Part]
  /// Where the text begins.
  var position: SourcePosition
  /// What it must be once the variables are filled in.
  var kind: TextKind

  /// The text as the user wrote it, but for doubled dollar signs.
  var written: String {
    parts.map { part in
      switch part {
      case .literal(let text): text
      case .variable(let name): "${\(name)}"
      }
    }.joined()
  }

  /// The names of the variables in it.
  var variables: [String] {
    parts.compactMap { if case .variable(let name) = $0 { name } else { nil } }
  }

  /// The variable that is the whole text; a list in this place gives an item for each of its entries.
  var onlyVariable: String? {
    if parts.count == 1, case .variable(let name) = parts[0] { name } else { nil }
  }

  /// Text without variables.
  init(literal text: String, at position: SourcePosition, kind: TextKind = .anyText) {
    parts = [.literal(text)]
    self.position = position
    self.kind = kind
  }

  private init(parts: [Part], position: SourcePosition, kind: TextKind) {
    self.parts = parts
    self.position = position
    self.kind = kind
  }

  /// Finds the variables in a text.
  ///
  /// - Returns: The text; `nil` where what follows a `${` is no variable, which is reported.
  static func parse(
    _ text: String, at position: SourcePosition, kind: TextKind, report: (String, String?) -> Void
  ) -> VariableText? {
    var parts: [Part] = []
    var literal = ""
    var rest = Substring(text)
    while let character = rest.first {
      if rest.hasPrefix("$${") {
        literal += "${"
        rest = rest.dropFirst(3)
      } else if rest.hasPrefix("${") {
        let name = rest.dropFirst(2).prefix { $0 != "}" && $0 != "\n" }
        guard rest.dropFirst(2 + name.count).first == "}", String(name).isWhole(Shape<String>.variablePattern) else {
          report(
            "'${\(name)' names no variable",
            "write ${name} or ${layer.name}: lower-case letters, digits and hyphens; '$${' stands for '${' itself")
          return nil
        }
        if !literal.isEmpty { parts.append(.literal(literal)) }
        literal = ""
        parts.append(.variable(String(name)))
        rest = rest.dropFirst(name.count + 3)
      } else {
        literal.append(character)
        rest = rest.dropFirst()
      }
    }
    if !literal.isEmpty || parts.isEmpty { parts.append(.literal(literal)) }
    return VariableText(parts: parts, position: position, kind: kind)
  }
}

extension Shape<VariableText> {
  /// Text in which variables may stand. Without any it is checked at once, otherwise when they are filled in.
  static func filled(_ kind: TextKind) -> Shape {
    var description = kind.shape.description
    if case .text(var text) = description {
      text.pattern = text.pattern.map { #"(?:\#($0))|[\s\S]*\$\{[\s\S]*"# }
      description = .text(text)
    }
    return Shape(description) { node, reading in
      guard let text = Shape<String>.anyText.read(node, &reading) else { return nil }
      guard text.contains("${") else {
        return kind.shape.read(node, &reading).map { VariableText(literal: $0, at: node.position, kind: kind) }
      }
      return VariableText.parse(text, at: node.position, kind: kind) { message, hint in
        reading.error(message, at: node.position, hint: hint)
      }
    }
  }
}

extension Shape<String> {
  /// Name of a variable in its layer.
  static let variableOwnPattern = "[a-z][a-z0-9]*(-[a-z0-9]+)*"
  /// Name of a variable, with its layer where it has one.
  static let variablePattern = "(?:\(layerPattern)\\.)?\(variableOwnPattern)"
  /// Name of a layer or of a profile.
  static let layerPattern = "[a-z][a-z0-9]*(-[a-z0-9]+)*"

  private static let layerHint = "use lower-case letters, digits and hyphens, and begin with a letter"

  /// Name of a layer, or of what layers provide.
  static let layerName = text("a layer's name", pattern: layerPattern, hint: layerHint)
  /// Name of a profile.
  static let profileName = text("a profile's name", pattern: layerPattern, hint: layerHint)
  /// Name of a part of a layer: a step, a repository, a check.
  static let partName = text(
    "a name", pattern: "[a-z0-9][a-z0-9_.-]*", hint: "use lower-case letters, digits and . _ -")
  /// Name of a variable that a layer declares.
  static let variableOwnName = text("a variable's name", pattern: variableOwnPattern, hint: layerHint)
  /// Name of a variable, with its layer where it has one.
  static let variableName = text(
    "a variable's name", pattern: variablePattern,
    hint: "write layer.variable, or variable for one of your own: lower-case letters, digits and hyphens")

  /// A package, with the version that it must have, if any.
  static let packageWish = text(
    "a package", pattern: "[a-z0-9][a-z0-9+.-]+(=[0-9][0-9A-Za-z.+:~-]*)?", hint: "write name or name=version")
  /// A shell pattern of absolute paths.
  static let pathPattern = text(
    "a pattern of absolute paths", pattern: #"[/*][^\s]*"#, hint: "for example /usr/share/doc/*")
  /// A unit of systemd, by its full name (systemd.unit(5)).
  static let systemdUnit = text(
    "a unit of systemd",
    pattern:
      #"[A-Za-z0-9:_.\\@-]+\.(service|socket|device|mount|automount|swap|target|path|timer|slice|scope)"#,
    hint: "write its full name, like ssh.service")
  /// A line of the firmware's configuration.
  static let firmwareLine = text(
    "a line of the firmware's configuration", pattern: #"[^\n]+"#, hint: "give each line as an item of its own")
  /// Name of a user or a group.
  static let accountName = text(
    "a user's or group's name", pattern: "[a-z_][a-z0-9_-]{0,30}",
    hint: "use lower-case letters, digits, '_' and '-', at most 31")
  /// A user or a group by name or number.
  static let accountOrNumber = text(
    "a name or number of a user or group", pattern: "[a-z_][a-z0-9_-]{0,30}|[0-9]{1,10}",
    hint: "a number needs quotes")
  /// A password in hashed form (crypt(5)).
  static let passwordHash = Shape<String>(
    .text(TextDescription(noun: "a hashed password", pattern: #"\$[0-9a-z]+\$[^\s:]+"#))
  ) { node, reading in
    // Not by `text`: its message would show the password that somebody wrote in clear.
    guard let text = node.text, text.isWhole(#"\$[0-9a-z]+\$[^\s:]+"#) else {
      reading.error(
        hidingLine: "this is not a hashed password", at: node.position,
        hint: "`mkpasswd` writes one; it looks like $y$j9T$…")
      return nil
    }
    return text
  }
  /// A line of `authorized_keys`.
  static let authorizedKey = text(
    "an SSH key", pattern: #"[^\n]*(ssh-|ecdsa-|sk-)[^\s]+ [A-Za-z0-9+/=]+[^\n]*"#,
    hint: "write a whole line of a .pub file, like ssh-ed25519 AAAA… name"
  ).refusingPrivateKeys
  /// Suite of an archive; a flat archive has a path that ends in '/'.
  static let repositorySuite = text("a suite", pattern: #"[A-Za-z0-9][A-Za-z0-9._/-]*|\./"#)
  /// Component of an archive.
  static let repositoryComponent = text("a component", pattern: "[A-Za-z0-9][A-Za-z0-9._/-]*")
  /// Where a symbolic link leads.
  static let linkTarget = text("a link's target", pattern: #"[^\u0000\n]+"#)
}
