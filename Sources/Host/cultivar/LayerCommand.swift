import ArgumentParser
import FoundationEssentials
import LinuxSystem
import Project

/// `cultivar layer`: shows layers.
struct LayerCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "layer", abstract: "Show the layers that systems are made of.",
    subcommands: [List.self, Show.self, Graph.self])

  /// `cultivar layer list`
  struct List: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "list", abstract: "List the layers that the project can use, or the built-in ones outside a project."
    )

    @OptionGroup var options: ProjectOptions

    @Flag(help: "Write the result as JSON to standard output.")
    var json = false

    func run() async throws {
      try await CommandErrors.shown {
        let layers = try await SystemSession.catalogue(options).all()
        guard !json else { return print(JSONValue.array(layers.map(\.json)).formatted) }
        let width = layers.map(\.name.count).max() ?? 0
        for layer in layers {
          let name = layer.name.padded(to: width)
          print("\(name)  \(layer.about)\(layer.origin == LayerLibrary.builtInOrigin ? "" : "  (\(layer.origin))")")
        }
      }
    }
  }

  /// `cultivar layer show`
  struct Show: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "show", abstract: "Show what a layer adds, and its variables.")

    @OptionGroup var options: ProjectOptions

    @Argument(help: "Name or path of the layer.")
    var name: String

    @Flag(help: "Write the result as JSON to standard output.")
    var json = false

    func run() async throws {
      try await CommandErrors.shown {
        let layer = try await SystemSession.catalogue(options).layer(named: name)
        print(json ? layer.json.formatted : layer.text)
      }
    }
  }

  /// `cultivar layer graph`
  struct Graph: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "graph", abstract: "Show the layers of images in order, and the layers that they require.")

    /// The output formats of a graph.
    enum Format: String, ExpressibleByArgument, CaseIterable {
      /// The DOT language of Graphviz.
      case dot
      /// Text for users.
      case text
    }

    @OptionGroup var options: ProjectOptions

    @Argument(help: "Images. Default: all systems of the project.")
    var images: [String] = []

    @Option(help: "Format: plain text (text), or the language of Graphviz (dot).")
    var format = Format.text

    @Flag(help: "Write the result as JSON to standard output.")
    var json = false

    func run() async throws {
      try await CommandErrors.shown {
        let session = try await SystemSession(options)
        let graphs = try session.images(named: images).map { try session.read($0).graph }
        guard !json else { return print(JSONValue.array(graphs.map(\.json)).formatted) }
        for graph in graphs { print(format == .dot ? graph.dot : graph.text) }
      }
    }
  }
}
