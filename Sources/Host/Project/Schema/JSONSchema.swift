import FoundationEssentials

/// The JSON Schemas of `cultivar.yaml` and `layer.yaml` for editors, generated from the declarations that the reader
/// uses.
///
/// A schema can check a single value or mapping. Only `cultivar check` finds problems between distant values (repeated
/// names, programs that wait for each other) and outside the file (missing folders).
public enum JSONSchema {
  public static let dialect = "https://json-schema.org/draft/2020-12/schema"
  /// Name of the file with the schema of projects.
  public static let fileName = "cultivar.schema.json"

  /// Name of the file with the schema of layers.
  public static let layerFileName = "layer.schema.json"

  /// The schema of a project file.
  public static var project: JSONValue { schema(of: ProjectFormat.shape.description, title: ProjectReader.fileName) }

  /// The schema of a layer file.
  public static var layer: JSONValue { schema(of: LayerFormat.shape.description, title: LayerLibrary.fileName) }

  private static func schema(of shape: ShapeDescription, title: String) -> JSONValue {
    var builder = Builder()
    let root = builder.schema(of: shape)
    return .object(
      [
        (key: "$schema", value: .text(dialect)),
        (key: "title", value: .text(title)),
        (key: "$ref", value: root.entries.first { $0.key == "$ref" }?.value ?? .null),
        (key: "$defs", value: .object(builder.definitions.sorted { $0.key < $1.key })),
      ])
  }

  /// A collector of the definitions of mappings, each once.
  private struct Builder {
    var definitions: [(key: String, value: JSONValue)] = []

    mutating func schema(of shape: ShapeDescription) -> JSONValue {
      switch shape {
      case .text(let text):
        return text.schema
      case .integer(let range):
        let maximum: [(key: String, value: JSONValue)] =
          range.upperBound == .max ? [] : [(key: "maximum", value: .integer(range.upperBound))]
        return .object(
          [(key: "type", value: "integer"), (key: "minimum", value: .integer(range.lowerBound))] + maximum)
      case .truth:
        return ["type": "boolean"]
      case .choice(let words):
        return ["enum": .array(words.map(JSONValue.text))]
      case .list(let item, let minimumCount):
        let minimum: [(key: String, value: JSONValue)] =
          minimumCount > 0 ? [(key: "minItems", value: .integer(minimumCount))] : []
        return .object([(key: "type", value: "array"), (key: "items", value: schema(of: item))] + minimum)
      case .dictionary(let key, let value, let minimumCount):
        return .object([
          (key: "type", value: "object"), (key: "propertyNames", value: key.schema),
          (key: "additionalProperties", value: schema(of: value)),
          (key: "minProperties", value: .integer(minimumCount)),
        ])
      case .object(let object):
        return reference(to: object)
      case .variants(_, let variants):
        return ["oneOf": .array(variants.map { reference(to: $0.object) })]
      case .either(let shapes):
        return ["anyOf": .array(shapes.map { schema(of: $0) })]
      }
    }

    private mutating func reference(to object: ObjectDescription) -> JSONValue {
      let name = object.noun.replacing(" ", with: "-")
      if !definitions.contains(where: { $0.key == name }) {
        let index = definitions.count
        definitions.append((key: name, value: .null))
        definitions[index].value = definition(of: object)
      }
      return ["$ref": .text("#/$defs/\(name)")]
    }

    private mutating func definition(of object: ObjectDescription) -> JSONValue {
      var properties: [(key: String, value: JSONValue)] = []
      for key in object.keys {
        properties.append((key: key.name, value: property(key)))
      }
      var entries: [(key: String, value: JSONValue)] = [
        (key: "description", value: .text(object.about)), (key: "type", value: "object"),
        (key: "properties", value: .object(properties)), (key: "additionalProperties", value: false),
      ]
      let required = object.keys.filter(\.isRequired).map { JSONValue.text($0.name) }
      if !required.isEmpty {
        entries.append((key: "required", value: .array(required)))
      }
      if !object.rules.isEmpty {
        entries.append((key: "allOf", value: .array(object.rules.map(\.schema))))
      }
      return .object(entries)
    }

    private mutating func property(_ key: KeyDescription) -> JSONValue {
      var entries: [(key: String, value: JSONValue)] = [(key: "description", value: .text(key.about))]
      entries += schema(of: key.shape).entries
      if let value = key.defaultValue {
        entries.append((key: "default", value: value))
      }
      if let value = key.example {
        entries.append((key: "examples", value: .array([value])))
      }
      return .object(entries)
    }
  }
}

extension JSONValue {
  /// The entries of an object; empty for other values.
  fileprivate var entries: [(key: String, value: JSONValue)] {
    if case .object(let entries) = self { entries } else { [] }
  }
}

extension TextDescription {
  fileprivate var schema: JSONValue {
    guard let pattern else { return ["type": "string"] }
    return ["type": "string", "pattern": .text("^(?:\(pattern))$")]
  }
}

extension ObjectRule {
  /// The rule as a schema that the mapping must also satisfy.
  fileprivate var schema: JSONValue {
    switch self {
    case .exactlyOne(let names):
      ["oneOf": .array(names.map(Self.present))]
    case .atLeastOne(let names):
      ["anyOf": .array(names.map(Self.present))]
    case .atMostOne(let names):
      ["not": ["required": .array(names.map(JSONValue.text))]]
    case .exactlyOneBeside(let trigger, let names):
      ["if": Self.present(trigger), "then": ["oneOf": .array(names.map(Self.present))]]
    case .needs(let name, let others):
      ["if": Self.present(name), "then": ["anyOf": .array(others.map(Self.present))]]
    }
  }

  private static func present(_ name: String) -> JSONValue {
    ["required": .array([.text(name)])]
  }
}
