import Foundation
import TestFixtures
import Testing

@testable import Project

@Suite("Schema and reference")
struct SchemaTests {
  @Test(
    "An independent validator accepts the schema and agrees with the reader",
    .enabled(if: JSONSchemaValidator.isInstalled, "needs python3 with the package jsonschema"))
  func agreement() throws {
    let good = [Sample.complete, Sample.project()]
    let seen = Mistake.all.filter(\.isSeenBySchema)
    let unseen = Mistake.all.filter { !$0.isSeenBySchema && instance($0.text) != nil }

    let verdicts = try JSONSchemaValidator.validate(
      (good + seen.map(\.text) + unseen.map(\.text)).compactMap(instance), against: JSONSchema.project)

    #expect(verdicts.count == good.count + seen.count + unseen.count)
    #expect(verdicts.prefix(good.count).allSatisfy { $0 })
    for (mistake, isValid) in zip(seen + unseen, verdicts.dropFirst(good.count)) {
      #expect(isValid != mistake.isSeenBySchema, "\(mistake.name)")
    }
  }

  @Test(
    "An independent validator accepts built-in layers and systems, and finds mistakes in a layer",
    .enabled(if: JSONSchemaValidator.isInstalled, "needs python3 with the package jsonschema"))
  func layers() throws {
    let names = LayerLibrary.names(in: SystemSample.builtIn)
    let layers = try names.map { name in
      try String(contentsOf: SystemSample.builtIn.appending(path: "\(name)/layer.yaml"), encoding: .utf8)
    }
    let wrong = [SystemSample.head + "pakages: [nano]", SystemSample.head + "packages: [Nano]"]
    let system = SystemSample(
      image: "profile: debian-minimal\nvariables: { a: !file b, c.d: [1, x] }\npackages: [nano]")

    let verdicts = try JSONSchemaValidator.validate((layers + wrong).compactMap(instance), against: JSONSchema.layer)
    let systems = try JSONSchemaValidator.validate(
      [system.texts["cultivar.yaml"] ?? ""].compactMap(instance), against: JSONSchema.project)

    #expect(verdicts == layers.map { _ in true } + wrong.map { _ in false })
    #expect(systems == [true])
  }

  @Test("Each definition of the schema describes one mapping")
  func definitions() {
    var keys: [String: [String]] = [:]
    for object in ProjectFormat.shape.description.allObjects + LayerFormat.shape.description.allObjects {
      let names = object.keys.map(\.name)
      #expect(keys[object.noun] ?? names == names, "two mappings are called '\(object.noun)'")
      keys[object.noun] = names
    }
    #expect(keys.count > 15)
  }

  @Test(
    "The committed references match the declarations",
    arguments: [("project-file.md", FileReference.page), ("layer-file.md", FileReference.layerPage)])
  func reference(name: String, page: String) throws {
    let file = Checkout.folder.appending(path: "docs/\(name)")
    if ProcessInfo.processInfo.environment["CULTIVAR_WRITE_REFERENCE"] != nil {
      try WholeFile.write(page, to: file)
    }

    #expect(
      try String(contentsOf: file, encoding: .utf8) == page,
      "run the tests with CULTIVAR_WRITE_REFERENCE=1 to write it again")
  }

  @Test("JSON text is escaped, and keeps the order of keys")
  func json() {
    let value: JSONValue = ["b": "a\"\\\n\u{1}ä", "a": [1, true], "c": [["d": .null]]]

    #expect(value.compact == #"{"b": "a\"\\\n\u0001ä", "a": [1, true], "c": [{"d": null}]}"#)
    #expect(
      value.formatted == #"""
        {
          "b": "a\"\\\n\u0001ä",
          "a": [1, true],
          "c": [
            {
              "d": null
            }
          ]
        }
        """#)
  }

  /// Converts a file to JSON for the validator. Returns `nil` if it is not YAML.
  private func instance(_ text: String) -> JSONValue? {
    let document = YAMLDocument(SourceText(file: Sample.file, text: text))
    return document.diagnostics.isEmpty ? document.root.map(JSONValue.init) : nil
  }
}

extension JSONValue {
  /// Converts a YAML value to JSON's types.
  fileprivate init(_ node: SourceNode) {
    switch node.content {
    case .list(let items): self = .array(items.map(JSONValue.init))
    case .mapping(let entries): self = .object(entries.map { (key: $0.key, value: JSONValue($0.value)) })
    case .scalar(let scalar):
      switch scalar.value {
      case .null: self = .null
      case .truth(let truth): self = .truth(truth)
      case .integer(let number): self = .integer(number)
      case .decimal: self = .integer(0)
      case .text(let text): self = .text(text)
      }
    // The validator sees only the text after the tag.
    case .reference(let reference): self = .text(reference.text)
    }
  }
}
