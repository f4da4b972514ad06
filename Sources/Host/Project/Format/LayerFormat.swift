import FoundationEssentials

/// The format of `layer.yaml`.
enum LayerFormat {
  private static let formatVersion = RequiredKey(
    "cultivar", Shape.integer(1...1), "Version of the file format: 1.", example: 1)
  private static let about = RequiredKey(
    "description", Shape.anyText, "One sentence about the purpose of the layer.",
    example: "An SSH server that takes keys only")
  private static let requires = DefaultedKey(
    "requires", names, default: [],
    "Layers that must be in the image and are applied before this one, by their name or by a name that they provide.",
    example: ["debian-minimal"])
  private static let provides = DefaultedKey(
    "provides", names, default: [], "Names that the layer provides in addition to its own.", example: ["ssh-server"])
  private static let conflicts = DefaultedKey(
    "conflicts", names, default: [],
    "Layers that cannot be in the same image, by their name or by a name that they provide.",
    example: ["dropbear"])
  private static let after = DefaultedKey(
    "after", names, default: [], "Layers that are applied before this one if they are in the image.", example: ["apt"])
  private static let variables = DefaultedKey(
    "variables",
    Shape<[VariableDeclaration]>.named(key: .variableOwnName, value: VariableFormat.shape),
    default: .object([]), "Variables that users of the layer can set.",
    example: ["port": ["type": "integer", "description": "Port that the server listens on", "default": 22]])

  private static let names = Shape<[Located<String>]>.list(of: Shape.layerName.located)

  /// A layer without its name, origin and folder, which ``LayerFolder`` sets.
  static let shape = Shape<LayerDefinition>.object(
    "layer", about: "A reusable part of systems: packages, files, steps and units, with variables to adapt it.",
    keys: [formatVersion, about, requires, provides, conflicts, after, variables] + PartsFormat.layerKeys
  ) { fields, reading in
    LayerDefinition(
      name: "", origin: "", folder: reading.folder, position: fields.position, about: fields[about] ?? "",
      requires: fields[requires], provides: fields[provides], conflicts: fields[conflicts], after: fields[after],
      variables: fields[variables],
      parts: PartsFormat.parts(fields, hasKernel: true, &reading))
  }
}

/// An entry of `layers:` of a project.
enum LayerSourceFormat {
  private static let git = RequiredKey(
    "git", Shape.gitURL, "URL of a git repository.", example: "https://git.example.org/layers.git")
  private static let tag = OptionalKey(
    "tag", SourceFormat.reference("a tag"), "Tag to check out.", example: "1.4.0")
  private static let branch = OptionalKey(
    "branch", SourceFormat.reference("a branch"), "Branch whose newest commit is checked out and locked.",
    example: "main")
  private static let revision = OptionalKey(
    "revision", SourceFormat.commit, "Full hash of the commit to check out.",
    example: "8f3b1f0c2d4e5a6978b0c1d2e3f405162738495a")
  private static let folder = OptionalKey(
    "folder", Shape.folderInRepository, "Folder of the layer in the repository. Default: the top folder.",
    example: "layers/sensors")

  /// A folder, or a git repository.
  static let shape = Shape<PackageLocation>.either(
    scalar: Shape<URL>.layerFolder.map { PackageLocation.folder($0) },
    otherwise: .object(
      "layer source", about: "A layer in a git repository, at a revision that the lock file pins.",
      keys: [git, tag, branch, revision, folder], rules: [.exactlyOne(beside: git, of: tag, branch, revision)]
    ) { fields, _ in
      let reference: GitReference? =
        fields[tag].map(GitReference.tag) ?? fields[branch].map(GitReference.branch)
        ?? fields[revision].map(GitReference.revision)
      guard let url = fields[git], let reference else { return nil }
      return .git(url: url, reference: reference, folder: fields[folder] ?? "")
    })
}

extension Shape<URL> {
  /// A folder of the build host that contains a layer.
  static let layerFolder = packageFolder("layer", manifest: LayerLibrary.fileName)
}

/// An entry of `profiles:`.
enum ProfileFormat {
  private static let about = DefaultedKey(
    "description", Shape.anyText, default: "", "One sentence about the purpose of the profile.",
    example: "Software for every gateway")
  private static let layers = RequiredKey(
    "layers", SystemFormat.layerList, "Layers, by name or by path.", example: ["debian-minimal", "openssh-server"])
  private static let variables = DefaultedKey(
    "variables", GivenVariablesFormat.shape, default: .object([]), "Values of the layers' variables.",
    example: ["openssh-server.port": 2222])

  /// A profile without its name, which is the key of its entry.
  static let shape = Shape<ProfileDefinition>.object(
    "profile", about: "A named list of layers, with values for their variables.", keys: [about, layers, variables]
  ) { fields, _ in
    ProfileDefinition(
      name: "", position: fields.position, about: fields[about], layers: fields[layers] ?? [],
      variables: fields[variables])
  }

  /// Profiles by name.
  static let profiles = Shape<[ProfileDefinition]>.named(key: .profileName, value: shape)
}

/// `override:` of a project or an image.
enum OverrideFormat {
  private static let remove = OptionalKey(
    "remove", removeShape, "Parts to remove from the layer, by content or by name.",
    example: ["steps": ["delete-host-keys"], "packages": ["openssh-sftp-server"]])

  private static let removalKeys = PartRemovals.Kind.allCases.map { kind in
    OptionalKey(
      kind.rawValue, Shape<[Located<String>]>.list(of: Shape.anyText.located, minimumCount: 1),
      "Each \(kind.noun) to remove.")
  }

  private static let removeShape = Shape<PartRemovals>.object(
    "removal",
    about: "Parts to remove from a layer: packages, files and similar parts by content, named parts by name.",
    keys: removalKeys
  ) { fields, _ in
    PartRemovals(
      items: zip(PartRemovals.Kind.allCases, removalKeys).flatMap { kind, key in
        (fields[key] ?? []).map { PartRemovals.Item(kind: kind, name: $0) }
      })
  }

  private static let shape = Shape<LayerOverride>.object(
    "override",
    about: """
      A change to a layer. Its keys are those of a layer, and are merged into it. A part replaces a part with the same \
      name or path. The layer keeps its place in the order.
      """,
    keys: [remove] + PartsFormat.layerKeys
  ) { fields, reading in
    LayerOverride(
      name: "", position: fields.position, removals: fields[remove] ?? PartRemovals(),
      parts: PartsFormat.parts(fields, hasKernel: true, &reading))
  }

  /// Overrides by name of the layer.
  static let overrides = Shape<[LayerOverride]>.named(key: .layerName, value: shape)
}

/// `base:` of a system.
enum BaseFormat {
  private static let image = OptionalKey(
    "image", Shape.existingFile, "A published image: a tar archive or a disk image, optionally compressed.",
    example: "./raspios.img.xz")
  private static let sha256 = OptionalKey(
    "sha256", Shape.text("a SHA-256", pattern: "[0-9a-f]{64}", hint: "write all 64 digits: `sha256sum` shows them"),
    "Expected SHA-256 of the image. Default: no check.",
    example: "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08")
  private static let partition = OptionalKey(
    "partition", Shape.integer(1...128),
    "Number of the partition with the root file system. Default: the partition that contains Debian.", example: 2)
  private static let suite = OptionalKey(
    "suite", Shape.debianSuite,
    "Suite of the packages. Default: that of the image, or that of the project if there is no image.",
    example: "trixie")

  /// A suite, or an image.
  static let shape = Shape<SystemBase>.either(
    scalar: Shape.debianSuite.map { .debian(suite: $0) },
    otherwise: .object(
      "base", about: "The root file system below all layers of a system.", keys: [image, sha256, partition, suite],
      rules: [.needs(sha256, oneOf: image), .needs(partition, oneOf: image)]
    ) { fields, _ in
      if let file = fields[image] {
        return .image(
          ImportedBase(
            position: fields.position, file: file, sha256: fields[sha256], rootPartition: fields[partition],
            suite: fields[suite]))
      }
      return fields[suite].map { .debian(suite: $0) }
    })
}
