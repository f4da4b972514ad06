/// Where the parts of a system come from: what `cultivar explain` shows.
public struct SystemTrace: Sendable, Equatable {
  /// One thing that happened to a part.
  public struct Entry: Sendable, Equatable {
    /// What the part is: `variable`, `package`, `file`.
    public var kind: String
    /// Its name: of a variable with its layer, of a file its path.
    public var name: String
    /// The layer; the image's name for its own additions, empty for variables of project and image.
    public var layer: String
    /// What was done: `installs`, `removed by an override`, `value of the profile 'edge'`.
    public var action: String
    /// Where it is written; `nil` for the command line.
    public var position: SourcePosition?
    /// Whether it counts in the end; something later or nearer took its place otherwise.
    public var counts: Bool
    /// The value of a variable, `nil` for everything else; covered where it is a secret.
    public var value: String?
  }

  /// What happened, in the order of the layers.
  public private(set) var entries: [Entry] = []

  /// Records something.
  mutating func add(
    _ kind: String, _ name: String, layer: String, _ action: String, at position: SourcePosition?, counts: Bool = true,
    value: String? = nil
  ) {
    entries.append(
      Entry(
        kind: kind, name: name, layer: layer, action: action, position: position, counts: counts, value: value))
  }

  /// Records something that takes the place of what is there of the same kind and name.
  mutating func replace(
    _ kind: String, _ name: String, layer: String, _ action: String, at position: SourcePosition?
  ) {
    for index in entries.indices where entries[index].kind == kind && entries[index].name == name {
      entries[index].counts = false
    }
    add(kind, name, layer: layer, action, at: position)
  }

  /// What is known of a name: a variable (with or without its layer), package, file, step, unit, user, layer.
  public func entries(named name: String) -> [Entry] {
    entries.filter { entry in
      entry.name == name || (entry.kind == "variable" && entry.name.hasSuffix(".\(name)"))
    }
  }

  /// All names, in order.
  public var names: [String] { Array(Set(entries.map(\.name))).sorted() }
}

extension SystemTrace.Entry {
  /// The entry for a program.
  public var json: JSONValue {
    var entries: [(key: String, value: JSONValue)] = [
      (key: "kind", value: .text(kind)), (key: "name", value: .text(name)), (key: "layer", value: .text(layer)),
      (key: "action", value: .text(action)), (key: "counts", value: .truth(counts)),
    ]
    if let value { entries.append((key: "value", value: .text(value))) }
    if let position {
      entries += [
        (key: "file", value: .text(position.file.path)), (key: "line", value: .integer(position.line)),
        (key: "column", value: .integer(position.column)),
      ]
    }
    return .object(entries)
  }
}
