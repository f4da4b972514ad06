import FoundationEssentials
import Spelling

/// A selection of the layers of an image: the named layers and their requirements.
struct LayerSelection {
  /// The image, profile or layer that requests a layer.
  struct Asker: Sendable, Equatable {
    /// Description for people: `profile 'edge'`, `layer 'web'`.
    var words: String
    /// Folder of a requesting layer. It can require the layers beside it by name.
    var folder: URL?
  }

  /// A request for a layer.
  struct Wish: Sendable {
    var name: Located<String>
    var asker: Asker
  }

  let project: ProjectDefinition
  let library: LayerLibrary
  /// Names of layers to leave out.
  var drops: Set<String> = []
  /// Names of replacement layers, by the name of the replaced layer.
  var replacements: [String: String] = [:]

  /// Layers found so far. The requirements of a layer come before it.
  private(set) var layers: [LayerDefinition] = []
  /// Reason for each layer, by name.
  private(set) var reasons: [String: String] = [:]
  /// Names of layers of git repositories that have not been fetched.
  private(set) var missingCheckouts: [String] = []

  private var unmet: [Wish] = []
  private var failed: Set<String> = []
  private var visited: Set<String> = []
  private var loaded: [String: LayerDefinition] = [:]
  private var provided: Set<String> = []

  init(project: ProjectDefinition, library: LayerLibrary) {
    self.project = project
    self.library = library
  }

  /// Names of all layers that a project can use.
  var knownNames: [String] {
    var names = project.layers.map(\.name) + LayerLibrary.names(in: projectFolder)
    if let builtIn = library.builtIn { names += LayerLibrary.names(in: builtIn) }
    return names.reduce(into: []) { if !$0.contains($1) { $0.append($1) } }
  }

  private var projectFolder: URL { project.folder.appending(path: "layers") }

  /// Adds the requested layers and their requirements.
  mutating func add(_ wishes: [Wish], _ problems: inout ProblemList) {
    let roots = wishes.compactMap { wish -> (LayerDefinition, Wish)? in
      guard let wish = changed(wish), let layer = load(wish, &problems) else { return nil }
      provided.formUnion([layer.name] + layer.provides.map(\.value))
      return (layer, wish)
    }
    for (layer, wish) in roots { visit(layer, wish.asker.words, &problems) }
    for wish in unmet { refuse(wish, &problems) }
  }

  /// Returns the request after replacement of its layer; `nil` if the layer is dropped.
  private func changed(_ wish: Wish) -> Wish? {
    var wish = wish
    if let other = replacements[wish.name.value] {
      wish.name.value = other
      wish.asker.folder = nil
    }
    return drops.contains(wish.name.value) ? nil : wish
  }

  private mutating func visit(_ layer: LayerDefinition, _ reason: String, _ problems: inout ProblemList) {
    guard visited.insert(layer.name).inserted else { return }
    reasons[layer.name] = reason
    for name in layer.requires {
      let wish = Wish(name: name, asker: Asker(words: "layer '\(layer.name)'", folder: layer.folder))
      guard let taken = changed(wish) else {
        unmet.append(wish)
        continue
      }
      if provided.contains(taken.name.value), loaded[taken.name.value] == nil { continue }
      guard place(of: taken) != nil else {
        if project.layers.contains(where: { $0.name == taken.name.value }) {
          missingCheckouts.append(taken.name.value)
        } else if !failed.contains(taken.name.value) {
          unmet.append(taken)
        }
        continue
      }
      if let required = load(taken, &problems) { visit(required, wish.asker.words, &problems) }
    }
    layers.append(layer)
    provided.formUnion([layer.name] + layer.provides.map(\.value))
  }

  /// Reports a missing layer, unless a layer that was added later provides it.
  private func refuse(_ wish: Wish, _ problems: inout ProblemList) {
    let name = wish.name.value
    let suppliers = layers.filter { layer in
      "layer '\(layer.name)'" != wish.asker.words
        && (layer.name == name || layer.provides.contains { $0.value == name })
    }
    guard suppliers.isEmpty else { return }
    let providers = knownNames.filter { candidate in
      var scratch = ProblemList(fileKind: ProjectReader.kindOnDisk)
      guard let place = place(named: candidate, beside: nil) else { return false }
      return place.read(&scratch)?.provides.contains { $0.value == name } ?? false
    }
    if drops.contains(name) {
      problems.error(
        "\(wish.asker.words) requires '\(name)', which is dropped", at: wish.name.position,
        hint: "add a layer that provides '\(name)'"
          + (providers.isEmpty ? "" : ": \(providers.joined(separator: ", "))")
          + ", or name one under 'replace' of the image")
    } else if !providers.isEmpty {
      problems.error(
        "\(wish.asker.words) requires '\(name)', which no layer of the image provides", at: wish.name.position,
        hint: "add one of these to 'layers': \(providers.joined(separator: ", "))")
    } else {
      problems.error(
        "there is no layer '\(name)'", at: wish.name.position,
        hint: NearestName.hint(for: name, among: knownNames, kind: "layers") ?? noLibraryHint)
    }
  }

  private var noLibraryHint: String? {
    library.builtIn == nil ? "the built-in layers were not found; CULTIVAR_LAYERS can name their folder" : nil
  }

  private mutating func load(_ wish: Wish, _ problems: inout ProblemList) -> LayerDefinition? {
    let written = wish.name.value
    guard let place = place(of: wish) else {
      if !failed.contains(written) { refuseMissing(wish, &problems) }
      failed.insert(written)
      return nil
    }
    if let known = loaded[place.name] {
      if known.folder.standardizedFileURL.path != place.folder.standardizedFileURL.path {
        problems.error(
          "two layers are called '\(place.name)'", at: wish.name.position,
          hint: "one is \(known.origin), the other \(place.origin); rename a folder")
      }
      return known
    }
    guard !failed.contains(place.name) else { return nil }
    guard let layer = place.read(&problems) else {
      failed.insert(place.name)
      return nil
    }
    loaded[place.name] = layer
    return layer
  }

  private mutating func refuseMissing(_ wish: Wish, _ problems: inout ProblemList) {
    let name = wish.name.value
    if project.layers.contains(where: { $0.name == name }) {
      missingCheckouts.append(name)
      return
    }
    guard name.contains("/") else { return refuse(wish, &problems) }
    let folder = project.folder.file(at: name)
    switch ProjectReader.kindOnDisk(folder) {
    case .missing:
      problems.error(
        "there is no layer '\(name)'", at: wish.name.position,
        hint: "paths are relative to the folder of the project file, \(project.folder.path)")
    case .file, .special:
      problems.error("'\(name)' is a file", at: wish.name.position, hint: "name the folder of the layer")
    case .folder where ProjectReader.kindOnDisk(folder.appending(path: LayerLibrary.fileName)) == .file:
      problems.error(
        "'\(folder.lastPathComponent)' is not a layer's name", at: wish.name.position,
        hint: "rename the folder: use lower-case letters, digits and hyphens, but not the names image and project")
    case .folder:
      problems.error(
        "'\(name)' is not a layer: it has no \(LayerLibrary.fileName)", at: wish.name.position,
        hint: "name the folder that holds \(LayerLibrary.fileName)")
    }
  }

  // MARK: Places

  private func place(of wish: Wish) -> LayerFolder? {
    place(named: wish.name.value, beside: wish.asker.folder)
  }

  /// Returns the folder of a layer, by its name or by a path in an image or profile.
  func place(named name: String, beside asker: URL?) -> LayerFolder? {
    if name.contains("/") {
      let folder = project.folder.file(at: name)
      let last = folder.lastPathComponent
      guard last.isWhole(Shape<String>.layerPattern), !["image", "project"].contains(last) else { return nil }
      return existing(folder, last, origin(of: folder))
    }
    if let source = project.layers.first(where: { $0.name == name }) {
      switch source.location {
      case .folder(let folder): return existing(folder, name, origin(of: folder))
      case .git(let url, _, let subfolder):
        guard let checkout = library.checkouts[name] else { return nil }
        let folder = subfolder.isEmpty ? checkout.folder : checkout.folder.appending(path: subfolder)
        return LayerFolder(folder: folder, name: name, origin: "\(url) at \(checkout.commit.prefix(12))")
      }
    }
    let own = projectFolder.appending(path: name)
    if let place = existing(own, name, origin(of: own)) { return place }
    if let asker, let builtIn = library.builtIn, asker.deletingLastPathComponent().path != builtIn.path {
      let beside = asker.deletingLastPathComponent().appending(path: name)
      if let place = existing(beside, name, origin(of: beside)) { return place }
    }
    return library.builtIn.flatMap { existing($0.appending(path: name), name, LayerLibrary.builtInOrigin) }
  }

  private func existing(_ folder: URL, _ name: String, _ origin: String) -> LayerFolder? {
    guard ProjectReader.kindOnDisk(folder.appending(path: LayerLibrary.fileName)) == .file else { return nil }
    return LayerFolder(folder: folder.standardizedFileURL, name: name, origin: origin)
  }

  private func origin(of folder: URL) -> String {
    let shown = folder.displayPath(relativeTo: project.folder)
    return shown.hasPrefix("/") ? shown : "./\(shown)"
  }
}

/// The order of layers: by dependency, then by the order in which they were found.
enum LayerOrder {
  /// Returns the layers of the image that must come before each layer, by its name.
  static func edges(_ layers: [LayerDefinition]) -> [String: [Located<String>]] {
    var edges: [String: [Located<String>]] = [:]
    for layer in layers {
      for name in layer.requires + layer.after {
        let targets = layers.filter { other in
          other.name == name.value
            || (other.name != layer.name && other.provides.contains { $0.value == name.value })
        }
        edges[layer.name, default: []] += targets.map { Located(value: $0.name, position: name.position) }
      }
    }
    return edges
  }

  /// Returns layers in their order. Reports each cycle as a path.
  ///
  /// - Parameter layers: Layers in the order in which they were found. This order applies to layers that do not depend
  ///   on each other.
  static func sorted(_ layers: [LayerDefinition], _ problems: inout ProblemList) -> [LayerDefinition] {
    let edges = edges(layers)
    // A layer was found after its requirements. In reverse order, a path begins with the layer that the image names.
    let cycles = WaitCycles.all(in: edges, order: layers.reversed().map(\.name))
    for cycle in cycles {
      problems.error(
        "the order of the layers is circular: \(cycle.names.joined(separator: " → "))", at: cycle.position,
        hint: "remove one of the names from 'requires' or 'after'")
    }
    guard cycles.isEmpty else { return layers }
    var rest = layers
    var done: Set<String> = []
    var sorted: [LayerDefinition] = []
    func isNext(_ layer: LayerDefinition) -> Bool {
      (edges[layer.name] ?? []).allSatisfy { done.contains($0.value) }
    }
    // Without cycles, there is always a layer whose predecessors are all done.
    while let index = rest.firstIndex(where: isNext) {
      let layer = rest.remove(at: index)
      done.insert(layer.name)
      sorted.append(layer)
    }
    return sorted
  }

  /// Reports layers that cannot be in the same image.
  static func checkConflicts(
    _ layers: [LayerDefinition], reasons: [String: String], _ problems: inout ProblemList
  ) {
    for layer in layers {
      for name in layer.conflicts {
        let others = layers.filter { other in
          other.name != layer.name && (other.name == name.value || other.provides.contains { $0.value == name.value })
        }
        for other in others {
          problems.error(
            "layer '\(layer.name)' conflicts with layer '\(other.name)'", at: name.position,
            hint: """
              '\(layer.name)' is there because of \(reasons[layer.name] ?? "the image"), \
              '\(other.name)' because of \(reasons[other.name] ?? "the image"); drop one
              """)
        }
      }
    }
  }
}
