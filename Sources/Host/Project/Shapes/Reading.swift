import FoundationEssentials

/// What a path of the build host is.
public enum FileKind: Sendable, Equatable {
  /// A regular file, or what a symbolic link to one leads to.
  case file
  /// A folder.
  case folder
  /// A pipe, socket or device: to read it might never end.
  case special
  /// Nothing is there.
  case missing
}

/// A value with the place where the user wrote it.
public struct Located<Value: Sendable>: Sendable {
  /// The value.
  public var value: Value
  /// Where it begins.
  public var position: SourcePosition

  /// Makes a value with its place.
  public init(value: Value, position: SourcePosition) {
    self.value = value
    self.position = position
  }
}

extension Located: Equatable where Value: Equatable {}

/// One pass over a file: what is known about its surroundings, and the problems found so far.
struct Reading {
  /// The text that is read.
  let source: SourceText
  /// Tells what a path of the build host is.
  let fileKind: @Sendable (URL) -> FileKind
  /// Tells whether a file of the build host has its run bit.
  let isRunnable: @Sendable (URL) -> Bool
  /// The problems found so far.
  private(set) var diagnostics: [Diagnostic] = []
  /// The mappings around the value being read, outermost first.
  var surroundings: [Surrounding] = []
  /// Key of the dictionary entry whose value is read next: the name of the mapping that it holds.
  var entryName: String?

  /// A mapping that is being read.
  struct Surrounding {
    /// What it is: `image`, `limits`.
    var noun: String
    /// Its name, where it has one.
    var name: String?

    /// Both, for a message.
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

  /// Folder of the file; relative paths start here.
  var folder: URL {
    source.file.deletingLastPathComponent()
  }

  /// The mapping being read, up to the first one that has a name: `limits of program 'station'`.
  var place: String {
    var labels: [String] = []
    for surrounding in surroundings.reversed() {
      labels.append(surrounding.label)
      if surrounding.name != nil { break }
    }
    return labels.joined(separator: " of ")
  }

  /// Records an error.
  mutating func error(_ message: String, at position: SourcePosition, hint: String? = nil) {
    diagnostics.append(source.diagnostic(.error, message, at: position, hint: hint))
  }

  /// Records an error at a line that is not shown, because a secret stands in it.
  mutating func error(hidingLine message: String, at position: SourcePosition, hint: String? = nil) {
    diagnostics.append(
      Diagnostic(severity: .error, message: message, position: position, sourceLine: "", hint: hint))
  }

  /// Records a warning.
  mutating func warning(_ message: String, at position: SourcePosition, hint: String? = nil) {
    diagnostics.append(source.diagnostic(.warning, message, at: position, hint: hint))
  }
}
