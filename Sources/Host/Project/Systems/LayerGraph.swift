/// The layers of an image with their dependencies, for users.
public struct LayerGraph: Sendable, Equatable {
  /// A layer and the layers that come before it.
  public struct Node: Sendable, Equatable {
    public var name: String
    public var origin: String
    /// Names of the layers that meet its requirements.
    public var requires: [String]
    /// Names of the layers that its `after` puts before it.
    public var after: [String]
  }

  /// Name of the image.
  public var image: String
  /// The layers, in the order in which they are applied.
  public var nodes: [Node]

  init(_ layers: [LayerDefinition], image: String) {
    self.image = image
    func present(_ names: [Located<String>], to layer: LayerDefinition) -> [String] {
      names.flatMap { name in
        layers.filter { other in
          other.name != layer.name
            && (other.name == name.value || other.provides.contains { $0.value == name.value })
        }.map(\.name)
      }
    }
    nodes = layers.map { layer in
      Node(
        name: layer.name, origin: layer.origin, requires: present(layer.requires, to: layer),
        after: present(layer.after, to: layer))
    }
  }

  /// The graph as text, with one line for each layer.
  public var text: String {
    let lines = nodes.enumerated().map { index, node in
      let before =
        [("requires", node.requires), ("after", node.after)].filter { !$0.1.isEmpty }
        .map { "\($0.0) \($0.1.joined(separator: ", "))" }
      return "  \(index + 1). \(node.name)" + (before.isEmpty ? "" : "  (\(before.joined(separator: "; ")))")
    }
    return (["\(image)"] + lines).joined(separator: "\n")
  }

  /// The graph in the DOT language of Graphviz. Dashed edges stand for `after`.
  public var dot: String {
    var lines = ["digraph \"\(image)\" {", "  rankdir=BT;"]
    for node in nodes {
      lines.append("  \"\(node.name)\";")
      lines += node.requires.map { "  \"\(node.name)\" -> \"\($0)\";" }
      lines += node.after.map { "  \"\(node.name)\" -> \"\($0)\" [style=dashed];" }
    }
    return (lines + ["}"]).joined(separator: "\n")
  }

  /// The graph as JSON.
  public var json: JSONValue {
    [
      "image": .text(image),
      "layers": .array(
        nodes.map { node in
          [
            "name": .text(node.name), "origin": .text(node.origin),
            "requires": .array(node.requires.map(JSONValue.text)), "after": .array(node.after.map(JSONValue.text)),
          ]
        }),
    ]
  }
}
