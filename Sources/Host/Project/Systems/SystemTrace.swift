/// The origins of the parts of a system, for `cultivar explain`.
public struct SystemTrace: Sendable, Equatable {
  /// An action on a part.
  public struct Entry: Sendable, Equatable {
    /// Kind of the part: `variable`, `package`, `file`.
    public var kind: String
    /// Name of the part. The name of a variable includes its layer; the name of a file is its path.
    public var name: String
    /// Name of the layer; the name of the image for its own additions; empty for variables of project and image.
    public var layer: String
    /// Description of the action: `installed`, `removed by an override`, `value of the profile 'edge'`.
    public var action: String
    /// Position in a file; `nil` for the command line.
    public var position: SourcePosition?
    /// True if the action takes effect; false if another one replaces or overrides it.
    public var counts: Bool
    /// Value of a variable, masked if it is a secret; `nil` for other parts.
    public var value: String?
  }

  /// Actions, in the order of the layers.
  public private(set) var entries: [Entry] = []

  /// Records an action.
  mutating func add(
    _ kind: String, _ name: String, layer: String, _ action: String, at position: SourcePosition?, counts: Bool = true,
    value: String? = nil
  ) {
    entries.append(
      Entry(
        kind: kind, name: name, layer: layer, action: action, position: position, counts: counts, value: value))
  }

  /// Records an action that replaces earlier ones of the same kind and name.
  mutating func replace(
    _ kind: String, _ name: String, layer: String, _ action: String, at position: SourcePosition?
  ) {
    for index in entries.indices where entries[index].kind == kind && entries[index].name == name {
      entries[index].counts = false
    }
    add(kind, name, layer: layer, action, at: position)
  }

  /// Returns the actions for a name: a variable (with or without its layer), package, file, step, unit, user or layer.
  public func entries(named name: String) -> [Entry] {
    entries.filter { entry in
      entry.name == name || (entry.kind == "variable" && entry.name.hasSuffix(".\(name)"))
    }
  }

  /// All names, sorted.
  public var names: [String] { Array(Set(entries.map(\.name))).sorted() }
}

extension SystemTrace.Entry {
  /// The entry as JSON.
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
