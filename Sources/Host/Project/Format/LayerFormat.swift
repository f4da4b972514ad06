import FoundationEssentials

/// The whole of `layer.yaml`.
enum LayerFormat {
  private static let formatVersion = RequiredKey(
    "cultivar", Shape.integer(1...1), "Version of the file's format: 1.", example: 1)
  private static let about = RequiredKey(
    "description", Shape.anyText, "One sentence: what the layer is for.", example: "An SSH server that takes keys only")
  private static let requires = DefaultedKey(
    "requires", names, default: [], "Layers that have to be there, and come before it; or what a layer provides.",
    example: ["debian-minimal"])
  private static let provides = DefaultedKey(
    "provides", names, default: [], "What it stands for, in addition to its name.", example: ["ssh-server"])
  private static let conflicts = DefaultedKey(
    "conflicts", names, default: [], "Layers, or what layers provide, that cannot be in the same image.",
    example: ["dropbear"])
  private static let after = DefaultedKey(
    "after", names, default: [], "Layers that come before it where they are there.", example: ["apt"])
  private static let variables = DefaultedKey(
    "variables",
    Shape<[DictionaryEntry<VariableDeclaration>]>.dictionary(key: .variableOwnName, value: VariableFormat.shape),
    default: .object([]), "Variables that whoever uses the layer can set.",
    example: ["port": ["type": "integer", "description": "Port that the server listens on", "default": 22]])

  private static let names = Shape<[Located<String>]>.list(of: Shape.layerName.located)

  /// A layer; its name and its folder are known by who reads it.
  static let shape = Shape<LayerDefinition>.object(
    "layer", about: "A reusable part of systems: packages, files, steps, units, and variables that adapt it.",
    keys: [formatVersion, about, requires, provides, conflicts, after, variables] + PartsFormat.layerKeys
  ) { fields, reading in
    LayerDefinition(
      name: "", origin: "", folder: reading.folder, position: fields.position, about: fields[about] ?? "",
      requires: fields[requires], provides: fields[provides], conflicts: fields[conflicts], after: fields[after],
      variables: fields[variables].map { entry in
        var declaration = entry.value
        declaration.name = entry.name
        declaration.position = entry.position
        return declaration
      },
      parts: PartsFormat.parts(fields, hasKernel: true, &reading))
  }
}

/// An entry of `layers:` of a project.
enum LayerSourceFormat {
  private static let git = RequiredKey(
    "git", Shape.gitURL, "URL of a git repository.", example: "https://git.example.org/layers.git")
  private static let tag = OptionalKey(
    "tag", SourceFormat.reference("a tag"), "Tag that is checked out.", example: "1.4.0")
  private static let branch = OptionalKey(
    "branch", SourceFormat.reference("a branch"), "Branch whose newest commit is checked out, and locked.",
    example: "main")
  private static let revision = OptionalKey(
    "revision", SourceFormat.commit, "Commit that is checked out, by its full id.",
    example: "8f3b1f0c2d4e5a6978b0c1d2e3f405162738495a")
  private static let folder = OptionalKey(
    "folder", Shape.folderInRepository, "Folder of the layer in the repository. Left out: its top.",
    example: "layers/sensors")

  /// A folder, or a git repository.
  static let shape = Shape<PackageLocation>.either(
    scalar: Shape<URL>.layerFolder.map { PackageLocation.folder($0) },
    otherwise: .object(
      "layer source", about: "A layer in a git repository, at a revision that the lock file keeps.",
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
  /// A folder of the build host that holds a layer.
  static let layerFolder = packageFolder("layer", manifest: LayerLibrary.fileName)
}

/// An entry of `profiles:`.
enum ProfileFormat {
  private static let about = DefaultedKey(
    "description", Shape.anyText, default: "", "One sentence: what the profile is for.",
    example: "What every gateway has")
  private static let layers = RequiredKey(
    "layers", SystemFormat.layerList, "Layers, by name or by path.", example: ["debian-minimal", "openssh-server"])
  private static let variables = DefaultedKey(
    "variables", GivenVariablesFormat.shape, default: .object([]), "Values of the layers' variables.",
    example: ["openssh-server.port": 2222])

  /// A profile; its name is not known yet.
  static let shape = Shape<ProfileDefinition>.object(
    "profile", about: "A named list of layers, with values for their variables.", keys: [about, layers, variables]
  ) { fields, _ in
    ProfileDefinition(
      name: "", position: fields.position, about: fields[about], layers: fields[layers] ?? [],
      variables: fields[variables])
  }

  /// Profiles by name.
  static let profiles = Shape<[DictionaryEntry<ProfileDefinition>]>.dictionary(key: .profileName, value: shape).map {
    $0.map { entry in
      var profile = entry.value
      profile.name = entry.name
      profile.position = entry.position
      return profile
    }
  }
}

/// `override:` of a project or an image.
enum OverrideFormat {
  private static let remove = OptionalKey(
    "remove", removeShape, "What is taken out of the layer, by content or by name.",
    example: ["steps": ["delete-host-keys"], "packages": ["openssh-sftp-server"]])

  private static let removalKeys = PartRemovals.Kind.allCases.map { kind in
    OptionalKey(
      kind.rawValue, Shape<[Located<String>]>.list(of: Shape.anyText.located, minimumCount: 1),
      "Each \(kind.noun) to take out.")
  }

  private static let removeShape = Shape<PartRemovals>.object(
    "removal", about: "What is taken out of a layer: packages, files and the like by content, named things by name.",
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
      A change to a layer. Its keys are those of a layer, and are merged into it at its place in the order; what has the \
      same name or path replaces.
      """,
    keys: [remove] + PartsFormat.layerKeys
  ) { fields, reading in
    LayerOverride(
      layer: "", position: fields.position, removals: fields[remove] ?? PartRemovals(),
      parts: PartsFormat.parts(fields, hasKernel: true, &reading))
  }

  /// Overrides by layer.
  static let overrides = Shape<[DictionaryEntry<LayerOverride>]>.dictionary(key: .layerName, value: shape).map {
    $0.map { entry in
      var override = entry.value
      override.layer = entry.name
      override.position = entry.position
      return override
    }
  }
}

/// `base:` of a system.
enum BaseFormat {
  private static let image = OptionalKey(
    "image", Shape.existingFile, "An image that somebody published: a tar archive, or a disk image, also compressed.",
    example: "./raspios.img.xz")
  private static let sha256 = OptionalKey(
    "sha256", Shape.text("a SHA-256", pattern: "[0-9a-f]{64}", hint: "write all 64 digits: `sha256sum` shows them"),
    "What the image must hash to. Left out: it is taken as it is.",
    example: "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08")
  private static let partition = OptionalKey(
    "partition", Shape.integer(1...128),
    "Number of the partition with the root file system. Left out: the one that holds a Debian.", example: 2)
  private static let suite = OptionalKey(
    "suite", Shape.debianSuite,
    "Suite that packages come from. Left out: the image's own, or the project's where there is no image.",
    example: "trixie")

  /// A suite, or an image.
  static let shape = Shape<BaseChoice>.either(
    scalar: Shape.debianSuite.map { .debian(suite: $0) },
    otherwise: .object(
      "base", about: "What a system stands on.", keys: [image, sha256, partition, suite],
      rules: [.needs(sha256, oneOf: image), .needs(partition, oneOf: image)]
    ) { fields, _ in
      if let file = fields[image] {
        return .image(
          file: file, sha256: fields[sha256], partition: fields[partition], suite: fields[suite],
          position: fields.position)
      }
      return fields[suite].map { .debian(suite: $0) }
    })
}
