/// The references of `cultivar.yaml` and `layer.yaml` as Markdown pages, generated from the declarations that the
/// reader uses.
public enum FileReference {
  /// The page about `cultivar.yaml`, with a final line break.
  public static var page: String {
    var writer = Writer()
    writer.collect(ProjectFormat.shape.description)
    return introduction + writer.sections.joined(separator: "\n")
  }

  /// The page about `layer.yaml`, with a final line break.
  public static var layerPage: String {
    var writer = Writer()
    writer.collect(LayerFormat.shape.description)
    return layerIntroduction + writer.sections.joined(separator: "\n")
  }

  private static let layerIntroduction = """
    # The layer file

    A folder with a `layer.yaml` is a layer. The layer has the name of the folder. [Layers](layers.md) explains how
    layers work. This page lists every key of the file. `cultivar schema layer --format markdown` writes the page from
    the declarations that Cultivar uses to read the file. The rules for values in [the project file](project-file.md)
    also apply here.

    - In the texts of a layer, `${name}` is a variable of the layer, `${layer.name}` is a variable of another layer, and
      `$${` is the text `${`. Not in `health` and in `run` of a step: there, the shell reads `${name}`.
    - Paths are relative to the folder of the layer.


    """

  private static let introduction = """
    # The project file

    A folder with a `cultivar.yaml` is a project. This page lists every key of the file.
    `cultivar schema --format markdown` writes the page from the declarations that Cultivar uses to read the file.

    - `cultivar check` shows all problems of a file at once, with line and column.
    - `cultivar schema --output DIR` writes a JSON Schema, which an editor uses to complete and check the file.
    - The file is YAML 1.2. Anchors and aliases are supported. These are errors: an unknown key, a key given twice, a
      merge key, and a tag (other than `!file` and `!env` for the values of variables).
    - Text that looks like a number, `true` or `false` needs quotes: `version: "1.4"`.
    - Sizes have a binary unit (`64K`, `128M`, `1.5G`) or are a whole number of bytes. Times are a whole number with a
      unit (`500ms`, `10s`, `2m`, `1h`).
    - Paths are relative to the folder of the file. The files and folders must exist.


    """

  /// A writer of one section for each mapping, outer mappings first.
  private struct Writer {
    var sections: [String] = []
    private var seen: Set<String> = []

    mutating func collect(_ shape: ShapeDescription) {
      switch shape {
      case .text, .integer, .truth, .choice: break
      case .list(let item, _): collect(item)
      case .dictionary(_, let value, _): collect(value)
      case .object(let object): collect(object)
      case .variants(_, let variants): variants.forEach { collect($0.object) }
      case .either(let shapes): shapes.forEach { collect($0) }
      }
    }

    private mutating func collect(_ object: ObjectDescription) {
      guard seen.insert(object.noun).inserted else { return }
      sections.append(section(object))
      for key in object.keys {
        collect(key.shape)
      }
    }

    private func section(_ object: ObjectDescription) -> String {
      let rows = object.keys.map { key in
        "| `\(key.name)` | \(cell(key.shape.words)) | \(presence(key)) | \(cell(key.about))\(example(key)) |"
      }
      let rules = object.rules.map { "- \($0.words)" }
      return """
        ## \(object.noun.capitalizedFirst)

        \(object.about)

        | key | value | default | description |
        | --- | --- | --- | --- |
        \(rows.joined(separator: "\n"))
        \(rules.isEmpty ? "" : "\n" + rules.joined(separator: "\n") + "\n")
        """
    }

    private func presence(_ key: KeyDescription) -> String {
      if key.isRequired { return "required" }
      guard let value = key.defaultValue, value != .object([]), value != .array([]) else { return "" }
      return cell("`\(value.inFlowYAML)`")
    }

    private func example(_ key: KeyDescription) -> String {
      key.example.map { cell(" Example: `\(key.name): \($0.inFlowYAML)`") } ?? ""
    }

    /// Returns the text of a table cell, with bars escaped.
    private func cell(_ text: String) -> String {
      text.replacing("|", with: "\\|")
    }
  }
}

extension ShapeDescription {
  /// The shape in words, with links to the sections of mappings.
  fileprivate var words: String {
    switch self {
    case .text(let text): text.noun
    case .integer(let range):
      switch (range.lowerBound, range.upperBound) {
      case (let lower, let upper) where lower == upper: "\(lower)"
      case (_, .max): "a whole number"
      case (let lower, let upper): "a whole number from \(lower) to \(upper)"
      }
    case .truth: "`true` or `false`"
    case .choice(let words): words.map { "`\($0)`" }.joined(separator: ", ")
    case .list(let item, _): "list of: \(item.words)"
    case .dictionary(let key, let value, _): "mapping from \(key.noun) to: \(value.words)"
    case .object(let object): object.link
    case .variants(_, let variants): variants.map(\.object.link).joined(separator: ", ")
    case .either(let shapes): shapes.map(\.words).joined(separator: ", or ")
    }
  }
}

extension ObjectDescription {
  fileprivate var link: String {
    "[\(noun)](#\(noun.replacing(" ", with: "-")))"
  }
}

extension ObjectRule {
  /// The rule as a sentence.
  fileprivate var words: String {
    func listed(_ names: [String]) -> String {
      names.map { "`\($0)`" }.joined(separator: ", ")
    }
    return switch self {
    case .exactlyOne(let names): "Exactly one of \(listed(names))."
    case .atLeastOne(let names): "At least one of \(listed(names))."
    case .atMostOne(let names): "At most one of \(listed(names))."
    case .exactlyOneBeside(let trigger, let names) where names.count == 1:
      "With `\(trigger)`, also \(listed(names))."
    case .exactlyOneBeside(let trigger, let names): "With `\(trigger)`, exactly one of \(listed(names))."
    case .needs(let name, let others): "`\(name)` only with \(others.map { "`\($0)`" }.joined(separator: " or "))."
    }
  }
}

extension String {
  fileprivate var capitalizedFirst: String {
    prefix(1).uppercased() + dropFirst()
  }
}
