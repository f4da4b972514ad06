/// `files:` of an image or a program.
enum FileFormat {
  private static let source = RequiredKey(
    "source",
    Shape.existing.sayingLostAttributes(
      hint: "remove it with `setcap -r`, and list it under `capabilities` of the program"),
    "File or folder of the project. A folder is added with all its content.",
    example: "./conf")
  private static let path = RequiredKey(
    "path", Shape.addedPath.located, "Absolute path in the image.", example: "/etc/station")
  private static let mode = OptionalKey(
    "mode", Shape.mode,
    "Permission bits as a quoted octal number. Default: 0755 for folders and executable files, 0644 for other files.",
    example: "0644")

  /// A file or folder that is added to the root file system. Its position is that of `path`.
  static let shape = Shape<FileDefinition>.object(
    "file", about: "A file or folder of the project that is added to the root file system.",
    keys: [source, path, mode]
  ) { fields, _ in
    guard let source = fields[source], let path = fields[path] else { return nil }
    return FileDefinition(position: path.position, source: source, path: path.value, mode: fields[mode])
  }
}
