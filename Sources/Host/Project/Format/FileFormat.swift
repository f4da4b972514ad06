/// `files:` of an image or a program.
enum FileFormat {
  private static let source = RequiredKey(
    "source",
    Shape.existing.sayingLostAttributes(
      hint: "remove it: `setcap -r`; the rights of a program are its `capabilities`, which the init gives it"),
    "File or folder of the project; a folder is added with all that is in it.",
    example: "./conf")
  private static let path = RequiredKey(
    "path", Shape.addedPath.located, "Absolute path in the image.", example: "/etc/station")
  private static let mode = OptionalKey(
    "mode", Shape.mode,
    "Permission bits in octal, in quotes. Left out: 0755 for folders and where the source has a run bit, 0644 elsewhere.",
    example: "0644")

  /// A file or folder that goes into the root file system; the place is that of the path in the image.
  static let shape = Shape<FileDefinition>.object(
    "file", about: "A file or folder of the project that goes into the root file system.",
    keys: [source, path, mode]
  ) { fields, _ in
    guard let source = fields[source], let path = fields[path] else { return nil }
    return FileDefinition(position: path.position, source: source, path: path.value, mode: fields[mode])
  }
}
