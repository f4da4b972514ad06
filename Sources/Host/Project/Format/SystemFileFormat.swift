import FoundationEssentials

/// An item of `files:` of a layer or of an image of the kind system.
enum SystemFileFormat {
  private static let path = RequiredKey(
    "path", Shape.filled(.addedPath), "Absolute path in the image.", example: "/etc/motd")
  private static let source = OptionalKey(
    "source", Shape.existing,
    "File or folder, relative to the file that names it. A folder is added with all its content.",
    example: "./motd")
  private static let content = OptionalKey(
    "content", Shape.filled(.anyText), "Text of the file, with variables filled in.", example: "Welcome\n")
  private static let link = OptionalKey(
    "link", Shape.filled(.linkTarget), "Target of a symbolic link to create.", example: "/usr/share/zoneinfo/UTC")
  private static let folder = OptionalKey("folder", onlyTrue, "`true` creates an empty folder.", example: true)
  private static let absent = OptionalKey(
    "absent", onlyTrue, "`true` removes the file at the path, whatever package or layer it comes from.", example: true)
  private static let template = DefaultedKey(
    "template", Shape.truth, default: false, "If true, variables in the file are filled in.", example: true)
  private static let owner = OptionalKey(
    "owner", Shape.filled(.owner), "Owner, by name or number. Default: root.", example: "www-data")
  private static let group = OptionalKey(
    "group", Shape.filled(.owner), "Group, by name or number. Default: root.", example: "adm")
  private static let mode = OptionalKey(
    "mode", Shape.systemMode,
    """
    Permission bits as a quoted octal number. Default: 0755 for folders and executable files, 0600 for files with a \
    secret, 0644 for other files.
    """, example: "0640")

  private static let onlyTrue = Shape<Bool>.truth.checked { value, node, reading in
    guard value else {
      reading.error("'false' has no effect here", at: node.position, hint: "remove the key")
      return nil
    }
    return value
  }

  /// A file, folder or link. Without content, the item refers to a file in the layer's folder `files`.
  static let shape = Shape<FilePart>.object(
    "system file",
    about: """
      A file, folder or link of the root file system. Without `source`, `content`, `link`, `folder` and `absent`, it \
      sets owner and mode of the file at this path in the layer's folder `files`.
      """,
    keys: [path, source, content, link, folder, absent, template, owner, group, mode],
    rules: [
      .atMostOne(of: source, content), .atMostOne(of: source, link), .atMostOne(of: source, folder),
      .atMostOne(of: source, absent), .atMostOne(of: content, link), .atMostOne(of: content, folder),
      .atMostOne(of: content, absent), .atMostOne(of: link, folder), .atMostOne(of: link, absent),
      .atMostOne(of: folder, absent), .atMostOne(of: content, template), .atMostOne(of: link, template),
      .atMostOne(of: folder, template), .atMostOne(of: absent, template), .atMostOne(of: link, mode),
      .atMostOne(of: absent, mode), .atMostOne(of: absent, owner), .atMostOne(of: absent, group),
    ]
  ) { fields, reading in
    guard let path = fields[path] else { return nil }
    var content: FilePart.Content = .overlay(isTemplate: fields[template])
    if let text = fields[Self.content] {
      content = .text(text)
    } else if let target = fields[link] {
      content = .link(target)
    } else if fields[folder] == true {
      content = .folder
    } else if fields[absent] == true {
      content = .absent
    } else if let source = fields[source] {
      content = fields[template] ? .template(source) : .file(source)
      if fields[template], reading.fileKind(source) == .folder, let position = fields.position(of: template) {
        reading.error(
          "a folder cannot be a template", at: position,
          hint: "add a separate item for each of its files that has variables")
      }
    } else if let wrong = [Self.content, link].map({ fields.position(of: $0) }).first(where: { $0 != nil }),
      wrong != nil
    {
      return nil
    } else if fields.position(of: source) != nil || fields.position(of: folder) != nil
      || fields.position(of: absent) != nil
    {
      return nil
    }
    return FilePart(
      position: fields.position, path: path, content: content, owner: fields[owner], group: fields[group],
      mode: fields[mode])
  }
}

extension Shape<UInt32> {
  /// Permission bits in octal digits, including setuid, setgid and sticky.
  static let systemMode = Shape<String>.text(
    "a mode like \"0644\"", pattern: "[0-7]{3,4}", hint: "write three or four octal digits in quotes"
  ).converted { text, _, _ in UInt32(text, radix: 8) }
}

/// An entry of `steps:`.
enum StepFormat {
  private static let phase = DefaultedKey(
    "phase", Shape<BuildStep.Phase>.cases("a phase"), default: "packages",
    """
    Phase of the build: `setup` before any package is unpacked, `essential` after the essential packages, `packages` \
    after the layer's packages, users, files and units, `last` after all layers, `image` after the image is written.
    """, example: "last")
  private static let place = OptionalKey(
    "in", Shape<BuildStep.Place>.cases("a place"),
    """
    Environment of the step: `root` inside the root file system, `sandbox` with the build host's programs and the root \
    at $CULTIVAR_ROOT. Default: `sandbox` in the phases `setup` and `image`, `root` in the others.
    """, example: "sandbox")
  private static let run = OptionalKey(
    "run", Shape.programText, "Text for /bin/sh -eu. Variables are in the environment as ${VAR_NAME}.",
    example: "rm -f /etc/ssh/ssh_host_*")
  private static let script = OptionalKey(
    "script", Shape.script, "An executable file.", example: "./steps/make-keys")
  private static let network = DefaultedKey(
    "network", Shape.truth, default: false, "If true, the step can use the network.", example: true)
  private static let environment = DefaultedKey(
    "env", Shape<[DictionaryEntry<VariableText>]>.dictionary(key: .environmentName, value: .filled(.programText)),
    default: .object([]), "Environment variables in addition to the layer's variables.", example: ["MODE": "${mode}"])
  private static let secrets = DefaultedKey(
    "secrets", Shape<[Located<String>]>.list(of: Shape.variableName.located), default: [],
    "Secret variables that the step can read, each as a file /run/secrets/NAME.", example: ["wifi-password"])
  private static let inputs = DefaultedKey(
    "inputs", Shape<[DictionaryEntry<URL>]>.dictionary(key: .partName, value: .existing), default: .object([]),
    "Files and folders that the step reads, each at /run/inputs/NAME.", example: ["site": "./site"])

  /// A step without its name, which is the key of its entry.
  static let shape = Shape<StepPart>.object(
    "step", about: "A command or script that the build runs.",
    keys: [phase, place, run, script, network, environment, secrets, inputs], rules: [.exactlyOne(of: run, script)]
  ) { fields, reading in
    let phase = fields[phase]
    let hasNoRoot = phase == .setup || phase == .image
    if hasNoRoot, fields[place] == .root, let position = fields.position(of: place) {
      reading.error(
        "\(reading.place) cannot run inside the root in the phase \(phase.rawValue)", at: position,
        hint: phase == .setup
          ? "the root is still empty in this phase; write 'in: sandbox'"
          : "the image is already written in this phase; write 'in: sandbox'")
    }
    let code: BuildStep.Script? = fields[run].map(BuildStep.Script.shell) ?? fields[script].map(BuildStep.Script.file)
    guard let code else { return nil }
    return StepPart(
      step: BuildStep(
        position: fields.position, name: "", phase: phase, place: fields[place] ?? (hasNoRoot ? .sandbox : .root),
        script: code, usesNetwork: fields[network],
        inputs: Dictionary(fields[inputs].map { ($0.name, $0.value) }) { first, _ in first }),
      environment: fields[environment], secrets: fields[secrets])
  }
}

extension Shape<URL> {
  /// An executable file of the build host.
  static let script = existingFile.checked { file, node, reading in
    let name = file.lastPathComponent
    guard !BackupFiles.isOne(name) else {
      reading.error(
        "'\(name)' has the name of a backup file, and cannot be a step", at: node.position,
        hint: "name the script itself")
      return nil
    }
    guard reading.isRunnable(file) else {
      reading.error(
        "the script '\(name)' is not executable", at: node.position, hint: "run `chmod +x \(file.path)`")
      return nil
    }
    return file
  }
}
