/// The required form of a layer's text after its variables are filled in.
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

  /// Noun with its article, for a message.
  var noun: String {
    if case .text(let text) = shape.description { text.noun } else { "text" }
  }
}

/// Text that can contain variables: `${name}` of the same layer, `${layer.name}` of another layer. `$${` stands for
/// `${`.
struct VariableText: Sendable, Equatable {
  /// A part of the text.
  enum Part: Sendable, Equatable {
    /// Literal text.
    case literal(String)
    /// The variable with this name.
    case variable(String)
  }

  var parts: [Part]
  /// Beginning of the text.
  var position: SourcePosition
  /// Required form after the variables are filled in.
  var kind: TextKind

  /// The text as the user wrote it, except that `$${` is `${`.
  var written: String {
    parts.map { part in
      switch part {
      case .literal(let text): text
      case .variable(let name): "${\(name)}"
      }
    }.joined()
  }

  /// Names of the variables in the text.
  var variables: [String] {
    parts.compactMap { if case .variable(let name) = $0 { name } else { nil } }
  }

  /// The variable that makes up the whole text, if any. A list variable then yields one item for each of its entries.
  var onlyVariable: String? {
    if parts.count == 1, case .variable(let name) = parts[0] { name } else { nil }
  }

  /// Creates text without variables.
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
  /// - Returns: The text; `nil` if a `${` is not followed by the name of a variable, which is reported.
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
            "'${\(name)' is not a variable",
            "write ${name} or ${layer.name}: lower-case letters, digits and hyphens; for the text '${' write '$${'")
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
  /// Returns the shape of text that can contain variables.
  ///
  /// Text without variables is checked at once, other text when its variables are filled in.
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
  /// Name of a variable within its layer.
  static let variableOwnPattern = "[a-z][a-z0-9]*(-[a-z0-9]+)*"
  /// Name of a variable, optionally with its layer.
  static let variablePattern = "(?:\(layerPattern)\\.)?\(variableOwnPattern)"
  /// Name of a layer or of a profile.
  static let layerPattern = "[a-z][a-z0-9]*(-[a-z0-9]+)*"

  private static let layerHint = "use lower-case letters, digits and hyphens, and begin with a letter"

  /// Name of a layer, or a name that layers provide.
  static let layerName = text("a layer's name", pattern: layerPattern, hint: layerHint)
  /// Name of a profile.
  static let profileName = text("a profile's name", pattern: layerPattern, hint: layerHint)
  /// Name of a part of a layer: a step, a repository, a check.
  static let partName = text(
    "a name", pattern: "[a-z0-9][a-z0-9_.-]*", hint: "use lower-case letters, digits and . _ -")
  /// Name of a variable that a layer declares.
  static let variableOwnName = text("a variable's name", pattern: variableOwnPattern, hint: layerHint)
  /// Name of a variable, optionally with its layer.
  static let variableName = text(
    "a variable's name", pattern: variablePattern,
    hint: "write layer.variable, or only variable for your own: lower-case letters, digits and hyphens")

  /// A package, optionally with a required version.
  static let packageWish = text(
    "a package", pattern: "[a-z0-9][a-z0-9+.-]+(=[0-9][0-9A-Za-z.+:~-]*)?", hint: "write name or name=version")
  /// A shell pattern of absolute paths.
  static let pathPattern = text(
    "a pattern of absolute paths", pattern: #"[/*][^\s]*"#, hint: "for example /usr/share/doc/*")
  /// Full name of a systemd unit (systemd.unit(5)).
  static let systemdUnit = text(
    "a systemd unit",
    pattern:
      #"[A-Za-z0-9:_.\\@-]+\.(service|socket|device|mount|automount|swap|target|path|timer|slice|scope)"#,
    hint: "write its full name, like ssh.service")
  /// A line of the firmware configuration.
  static let firmwareLine = text(
    "a line of the firmware's configuration", pattern: #"[^\n]+"#, hint: "write each line as a separate list item")
  /// Name of a user or a group.
  static let accountName = text(
    "a user's or group's name", pattern: "[a-z_][a-z0-9_-]{0,30}",
    hint: "use lower-case letters, digits, '_' and '-', at most 31")
  /// Name or number of a user or group.
  static let accountOrNumber = text(
    "a name or number of a user or group", pattern: "[a-z_][a-z0-9_-]{0,30}|[0-9]{1,10}",
    hint: "a number needs quotes")
  /// A hashed password (crypt(5)).
  static let passwordHash = Shape<String>(
    .text(TextDescription(noun: "a hashed password", pattern: #"\$[0-9a-z]+\$[^\s:]+"#))
  ) { node, reading in
    // Does not use `text`, whose message would show a password that is not hashed.
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
  /// Suite of an archive; for a flat archive, a path that ends in '/'.
  static let repositorySuite = text("a suite", pattern: #"[A-Za-z0-9][A-Za-z0-9._/-]*|\./"#)
  /// Component of an archive.
  static let repositoryComponent = text("a component", pattern: "[A-Za-z0-9][A-Za-z0-9._/-]*")
  /// Target of a symbolic link.
  static let linkTarget = text("a link's target", pattern: #"[^\u0000\n]+"#)
}
