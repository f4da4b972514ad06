import FoundationEssentials

/// The kind of the file at a path of the build host.
public enum FileKind: Sendable, Equatable {
  /// A regular file, or a symbolic link to one.
  case file
  case folder
  /// A pipe, socket or device. Reading it could block forever.
  case special
  /// No file exists at the path.
  case missing
}

/// A value with its position in the file.
public struct Located<Value: Sendable>: Sendable {
  public var value: Value
  /// Beginning of the value.
  public var position: SourcePosition

  public init(value: Value, position: SourcePosition) {
    self.value = value
    self.position = position
  }
}

extension Located: Equatable where Value: Equatable {}

/// The state of one pass over a file: the context of the current value, and the problems found so far.
struct Reading {
  let source: SourceText
  /// Returns the kind of the file at a path of the build host.
  let fileKind: @Sendable (URL) -> FileKind
  /// Returns true if a file of the build host is executable.
  let isRunnable: @Sendable (URL) -> Bool
  /// The problems found so far.
  private(set) var diagnostics: [Diagnostic] = []
  /// The mappings around the value being read, outermost first.
  var surroundings: [Surrounding] = []
  /// Key of the dictionary entry whose value is read next. It is the name of the mapping in the entry.
  var entryName: String?

  /// A mapping that is being read.
  struct Surrounding {
    /// Kind of the mapping: `image`, `limits`.
    var noun: String
    /// Name, if the mapping has one.
    var name: String?

    /// Kind and name, for a message.
    var label: String {
      name.map { "\(noun) '\($0)'" } ?? noun
    }
  }

  init(
    source: SourceText, fileKind: @escaping @Sendable (URL) -> FileKind,
    isRunnable: @escaping @Sendable (URL) -> Bool = ProjectReader.isRunnableOnDisk
  ) {
    self.source = source
    self.fileKind = fileKind
    self.isRunnable = isRunnable
  }

  /// Folder of the file; relative paths are relative to it.
  var folder: URL {
    source.file.deletingLastPathComponent()
  }

  /// The current mapping and those around it, up to the first one that has a name: `limits of program 'station'`.
  var place: String {
    var labels: [String] = []
    for surrounding in surroundings.reversed() {
      labels.append(surrounding.label)
      if surrounding.name != nil { break }
    }
    return labels.joined(separator: " of ")
  }

  mutating func error(_ message: String, at position: SourcePosition, hint: String? = nil) {
    diagnostics.append(source.diagnostic(.error, message, at: position, hint: hint))
  }

  /// Records an error without showing the line, because it contains a secret.
  mutating func error(hidingLine message: String, at position: SourcePosition, hint: String? = nil) {
    diagnostics.append(
      Diagnostic(severity: .error, message: message, position: position, sourceLine: "", hint: hint))
  }

  mutating func warning(_ message: String, at position: SourcePosition, hint: String? = nil) {
    diagnostics.append(source.diagnostic(.warning, message, at: position, hint: hint))
  }
}
