import FoundationEssentials

/// An item of `files:` of a layer or of an image of the kind system.
enum SystemFileFormat {
  private static let path = RequiredKey(
    "path", Shape.filled(.addedPath), "Absolute path in the image.", example: "/etc/motd")
  private static let source = OptionalKey(
    "source", Shape.existing, "File or folder beside the file that names it; a folder is added with all that is in it.",
    example: "./motd")
  private static let content = OptionalKey(
    "content", Shape.filled(.anyText), "The text itself, with variables filled in.", example: "Welcome\n")
  private static let link = OptionalKey(
    "link", Shape.filled(.linkTarget), "Makes a symbolic link that leads there.", example: "/usr/share/zoneinfo/UTC")
  private static let folder = OptionalKey("folder", onlyTrue, "`true` makes an empty folder.", example: true)
  private static let absent = OptionalKey(
    "absent", onlyTrue, "`true` removes what is there, from whatever package or layer it is.", example: true)
  private static let template = DefaultedKey(
    "template", Shape.truth, default: false, "Whether variables in the file are filled in.", example: true)
  private static let owner = OptionalKey(
    "owner", Shape.filled(.owner), "Owner, by name or number. Left out: root.", example: "www-data")
  private static let group = OptionalKey(
    "group", Shape.filled(.owner), "Group, by name or number. Left out: root.", example: "adm")
  private static let mode = OptionalKey(
    "mode", Shape.systemMode,
    """
    Permission bits in octal, in quotes. Left out: 0755 for folders and where the source has a run bit, 0600 for what \
    holds a secret, 0644 elsewhere.
    """, example: "0640")

  private static let onlyTrue = Shape<Bool>.truth.checked { value, node, reading in
    guard value else {
      reading.error("'false' says nothing here", at: node.position, hint: "remove the key")
      return nil
    }
    return value
  }

  /// A file, folder or link. Without any content it is about a file of the layer's folder `files`.
  static let shape = Shape<FilePart>.object(
    "system file",
    about: """
      A file, folder or link of the root file system. Without `source`, `content`, `link`, `folder` and `absent` it says \
      owner and mode of what the layer's folder `files` has at the path.
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
          "a folder is no template", at: position, hint: "give each of its files that has variables an item of its own")
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
  /// Permission bits in octal digits, with those for other users' rights (setuid, setgid, sticky).
  static let systemMode = Shape<String>.text(
    "a mode like \"0644\"", pattern: "[0-7]{3,4}", hint: "write three or four octal digits in quotes"
  ).converted { text, _, _ in UInt32(text, radix: 8) }
}

/// An entry of `steps:`.
enum StepFormat {
  private static let phase = DefaultedKey(
    "phase", Shape<BuildStep.Phase>.cases("a phase"), default: "packages",
    """
    When it runs: `setup` before anything is unpacked, `essential` after the essential packages, `packages` after the \
    layer's packages, `last` after its files, users and units, `image` after the image is written.
    """, example: "last")
  private static let place = OptionalKey(
    "in", Shape<BuildStep.Place>.cases("a place"),
    """
    Where it runs: `root` inside the root file system, `sandbox` on the build host's programs with the root at \
    $CULTIVAR_ROOT. Left out: `root`, and `sandbox` in the phases setup and image.
    """, example: "sandbox")
  private static let run = OptionalKey(
    "run", Shape.programText, "Text for /bin/sh -eu. Variables come as environment: ${VAR_NAME}.",
    example: "rm -f /etc/ssh/ssh_host_*")
  private static let script = OptionalKey(
    "script", Shape.script, "A runnable file.", example: "./steps/make-keys")
  private static let network = DefaultedKey(
    "network", Shape.truth, default: false, "Whether it may use the network.", example: true)
  private static let environment = DefaultedKey(
    "env", Shape<[DictionaryEntry<VariableText>]>.dictionary(key: .environmentName, value: .filled(.programText)),
    default: .object([]), "Environment in addition to the layer's own variables.", example: ["MODE": "${mode}"])
  private static let secrets = DefaultedKey(
    "secrets", Shape<[Located<String>]>.list(of: Shape.variableName.located), default: [],
    "Secret variables that it may read, each as a file /run/secrets/NAME.", example: ["wifi-password"])
  private static let inputs = DefaultedKey(
    "inputs", Shape<[DictionaryEntry<URL>]>.dictionary(key: .partName, value: .existing), default: .object([]),
    "Files and folders that it reads, each under /run/inputs/NAME.", example: ["site": "./site"])

  /// A step; its name is not known yet.
  static let shape = Shape<StepPart>.object(
    "step", about: "A command or script that takes part in the build.",
    keys: [phase, place, run, script, network, environment, secrets, inputs], rules: [.exactlyOne(of: run, script)]
  ) { fields, reading in
    let phase = fields[phase]
    let hasNoRoot = phase == .setup || phase == .image
    if hasNoRoot, fields[place] == .root, let position = fields.position(of: place) {
      reading.error(
        "\(reading.place) cannot run inside the root in the phase \(phase.rawValue)", at: position,
        hint: phase == .setup
          ? "the root is empty then; write 'in: sandbox'" : "the image is written then; write 'in: sandbox'")
    }
    let code: BuildStep.Script? = fields[run].map(BuildStep.Script.shell) ?? fields[script].map(BuildStep.Script.file)
    guard let code else { return nil }
    return StepPart(
      name: "", position: fields.position, phase: phase, place: fields[place] ?? (hasNoRoot ? .sandbox : .root),
      script: code, usesNetwork: fields[network], environment: fields[environment], secrets: fields[secrets],
      inputs: fields[inputs])
  }
}

extension Shape<URL> {
  /// A file of the build host that can be run.
  static let script = existingFile.checked { file, node, reading in
    let name = file.lastPathComponent
    guard !BackupFiles.isOne(name) else {
      reading.error(
        "'\(name)' has the name of a backup file, which is never a step", at: node.position,
        hint: "name the script itself")
      return nil
    }
    guard reading.isRunnable(file) else {
      reading.error(
        "the script '\(name)' has no run bit", at: node.position, hint: "chmod +x \(file.path)")
      return nil
    }
    return file
  }
}
