import FoundationEssentials

/// `release:` of a project.
enum ReleaseFormat {
  /// Maximum size of the notes in the manifest of a bundle, in bytes.
  private static let mostNotes = 16 << 10

  private static let epoch = DefaultedKey(
    "epoch", Shape.integer(0...Int(Int32.max)), default: 0,
    """
    Security epoch. Raise it to prevent the installation of older releases, for example because of a known \
    vulnerability.
    """, example: 2)
  private static let minimumVersion = OptionalKey(
    "minimumVersion", Shape.version, "Lowest version from which devices can update. Default: any.", example: "1.2.0")
  private static let expires = OptionalKey(
    "expires", moment, "Time in UTC after which bundles of the release can no longer be installed. Default: no limit.",
    example: "2030-12-31")
  private static let notes = OptionalKey(
    "notes", prose, "Release notes for people.", example: "Fixes the clock.")
  private static let dataSchema = DefaultedKey(
    "dataSchema", Shape.integer(0...Int(Int32.max)), default: 0,
    """
    Version of the format in which the programs store data. Devices with data of a later version refuse the release.
    """, example: 3)

  private static let sign = OptionalKey(
    "sign", signingKeys,
    """
    Private keys that sign the bundles of a build: a PEM file, a token as `pkcs11:…`, or `env:NAME` for an environment \
    variable with the PEM text. The passphrase or PIN is read from the terminal or from CULTIVAR_SIGNING_PASSPHRASE. \
    Without this key, bundles are signed later with `cultivar bundle sign`.
    """,
    example: "release.key")

  static let shape = Shape<ReleaseDefinition>.object(
    "release", about: "Facts about the release that its bundles contain.",
    keys: [epoch, minimumVersion, expires, notes, dataSchema, sign]
  ) { fields, _ in
    ReleaseDefinition(
      epoch: UInt64(fields[epoch]), minimumVersion: fields[minimumVersion], expires: fields[expires],
      notes: fields[notes], dataSchema: UInt32(fields[dataSchema]), signingKeys: fields[sign] ?? [])
  }

  private static let signingKeys = Shape<[SigningKeyPlace]>.either(
    scalar: signingKey.map { [$0] }, otherwise: .list(of: signingKey, minimumCount: 1))

  private static let signingKey = Shape<String>.text(
    "a PEM file, a URI pkcs11:…, or env:NAME", pattern: #"[^\u0000-\u001f]+"#
  ).converted { text, node, reading -> SigningKeyPlace? in
    if text.hasPrefix("pkcs11:") { return .token(text) }
    if text.hasPrefix("env:") { return .variable(String(text.dropFirst("env:".count))) }
    let file = reading.folder.file(at: text)
    guard reading.fileKind(file) == .file else {
      reading.error(
        "there is no key file '\(text)'", at: node.position,
        hint: "make a key with `cultivar keys generate NAME`; the path is relative to \(reading.folder.path)")
      return nil
    }
    if let content = FileManager.default.contents(atPath: file.path), content.count < 1 << 16,
      String(decoding: content, as: UTF8.self).contains("-----BEGIN PUBLIC KEY-----")
    {
      reading.error(
        "'\(text)' is a public key, but signing needs the private key", at: node.position,
        hint: "name the private key file, which `cultivar keys generate` wrote next to it")
      return nil
    }
    return .file(file)
  }

  /// A date or time in UTC, as seconds since 1970.
  private static let moment = Shape<String>.text(
    "a date like 2030-12-31, or a time like 2030-12-31T12:00:00Z",
    pattern: "[0-9]{4}-[0-9]{2}-[0-9]{2}(T[0-9]{2}:[0-9]{2}:[0-9]{2}Z)?"
  ).converted { text, node, reading -> UInt64? in
    let style = Date.ISO8601FormatStyle()
    guard let date = try? style.parse(text.contains("T") ? text : text + "T00:00:00Z"), date.timeIntervalSince1970 > 0,
      date.formatted(style).hasPrefix(text)
    else {
      reading.error("'\(text)' is not a calendar day after 1970", at: node.position)
      return nil
    }
    return UInt64(date.timeIntervalSince1970)
  }

  private static let prose = Shape.anyText.checked { text, node, reading in
    let isPrintable = text.unicodeScalars.allSatisfy { scalar in
      switch scalar.properties.generalCategory {
      case .control: scalar == "\n" || scalar == "\t"
      case .format, .surrogate, .lineSeparator, .paragraphSeparator: false
      default: true
      }
    }
    guard isPrintable, text.utf8.count <= mostNotes else {
      reading.error(
        "the text is longer than \(mostNotes) bytes, or has characters that cannot be displayed", at: node.position)
      return nil
    }
    return text
  }
}
