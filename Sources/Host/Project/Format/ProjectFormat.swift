import FoundationEssentials

/// The format of `cultivar.yaml`.
enum ProjectFormat {
  private static let formatVersion = RequiredKey(
    "cultivar", Shape.integer(1...1), "Version of the file format: 1.", example: 1)
  private static let name = RequiredKey(
    "name", Shape.name, "Name of the project: lower-case letters, digits and hyphens.", example: "weather-station")
  private static let version = DefaultedKey(
    "version", Shape.version, default: "0.0.0", "Version of the release that a build makes.", example: "1.4.0")
  private static let release = DefaultedKey(
    "release", ReleaseFormat.shape, default: .object([]),
    "Facts about the release that its bundles contain.",
    example: ["epoch": 2, "minimumVersion": "1.2.0"])
  private static let debian = DefaultedKey(
    "debian", ArchiveFormat.shape, default: .object([]), "Debian archive of the packages.",
    example: ["suite": "trixie"])
  private static let images = RequiredKey(
    "images",
    Shape<[ImageDefinition]>.named(key: .name, value: ImageKindFormat.shape, minimumCount: 1),
    "Images by name: appliances, which have `programs`, and systems, which have `profile`, `layers` or `base`.",
    example: [
      "station": ["device": "generic-x86_64", "layout": "appliance-ab", "programs": [["executable": "./tool"]]]
    ])

  private static let variables = DefaultedKey(
    "variables", GivenVariablesFormat.shape, default: .object([]),
    "Values of layers' variables for all images, and the project's own variables.",
    example: ["openssh-server.port": 2222])
  private static let profiles = DefaultedKey(
    "profiles", ProfileFormat.profiles, default: .object([]), "Profiles that the project defines, by name.",
    example: ["edge": ["layers": ["debian-minimal", "openssh-server"]]])
  private static let layers = DefaultedKey(
    "layers", Shape<[DictionaryEntry<PackageLocation>]>.dictionary(key: .layerName, value: LayerSourceFormat.shape),
    default: .object([]),
    "Sources of layers that are neither built in nor in the project's folder `layers`, by name.",
    example: ["sensors": ["git": "https://git.example.org/layers.git", "tag": "1.4.0", "folder": "sensors"]])
  private static let override = DefaultedKey(
    "override", OverrideFormat.overrides, default: .object([]),
    "Changes to layers, for all images that have these layers.",
    example: ["openssh-server": ["remove": ["steps": ["delete-host-keys"]]]])

  static let shape = Shape<ProjectDefinition>.object(
    "project", about: "A Cultivar project, with all its images.",
    keys: [formatVersion, name, version, release, debian, variables, profiles, layers, override, images]
  ) { fields, reading in
    guard fields[formatVersion] != nil, let name = fields[name], let images = fields[images] else { return nil }
    return ProjectDefinition(
      folder: reading.folder, name: name, version: fields[version], release: fields[release],
      archive: fields[debian],
      images: images, variables: fields[variables], profiles: fields[profiles],
      layers: fields[layers].map { LayerSource(name: $0.name, position: $0.position, location: $0.value) },
      overrides: fields[override], source: reading.source)
  }
}

/// `debian:` of a project.
enum ArchiveFormat {
  private static let suite = DefaultedKey(
    "suite", Shape.debianSuite, default: "trixie", "Code name of the suite.", example: "bookworm")
  private static let mirror = OptionalKey(
    "mirror", Shape.archiveURL, "URL of the archive. Default: that of the environment or the build host.",
    example: "https://ftp.debian.org/debian")
  private static let securityMirror = OptionalKey(
    "securityMirror", Shape.archiveURL, "URL of the security archive. Default: the one that belongs to the mirror.",
    example: "https://ftp.debian.org/debian-security")

  private static let snapshot = DefaultedKey(
    "snapshot", Shape.truth, default: false,
    "If true, the archive is a snapshot that never changes. Its indexes are accepted after their expiry date.",
    example: true)

  static let shape = Shape<ArchiveDefinition>.object(
    "archive", about: "The Debian archive and suite of the packages.",
    keys: [suite, mirror, securityMirror, snapshot]
  ) { fields, _ in
    ArchiveDefinition(
      suite: fields[suite], mirror: fields[mirror], securityMirror: fields[securityMirror],
      isSnapshot: fields[snapshot], suitePosition: fields.position(of: suite))
  }
}
