import ArgumentParser
import Foundation
import Project
import Spelling

/// `cultivar explain`: says where a part of a system comes from.
struct ExplainCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "explain", abstract: "Say where a value, package or file of a system comes from.",
    discussion: """
      NAME is a variable (with or without its layer), a package, the path of a file, or a step, unit, user, group or layer.
      What counts in the end is marked with '*'. Secrets are not shown.
      """)

  @OptionGroup var options: ProjectOptions
  @OptionGroup var set: SetOptions

  @Argument(help: "What to explain.")
  var name: String

  @Option(help: "Image. Left out: all systems of the project.")
  var image: String?

  @Flag(help: "Write the result as JSON to standard output.")
  var json = false

  func run() async throws {
    try await CommandErrors.shown {
      let session = try await SystemSession(options)
      let images = try session.images(named: image.map { [$0] } ?? [])
      let found = try images.map { image in
        let trace = try session.read(image, set: set.settings).trace
        return (image: image.name, entries: trace.entries(named: name), names: trace.names)
      }
      guard found.contains(where: { !$0.entries.isEmpty }) else {
        throw ProjectFailure(
          "no system has a variable, package, file, step, unit, user, group or layer '\(name)'",
          remedy: NearestName.nearest(to: name, among: found.flatMap(\.names)).map { "did you mean '\($0)'?" })
      }
      guard !json else {
        return print(
          JSONValue.array(
            found.map { ["image": .text($0.image), "entries": .array($0.entries.map(\.json))] }
          ).formatted)
      }
      for (image, entries, _) in found where !entries.isEmpty {
        print(image)
        for entry in entries { print(line(entry)) }
      }
    }
  }

  private func line(_ entry: SystemTrace.Entry) -> String {
    let value = entry.value.map { " = \($0.split(separator: "\n").joined(separator: ", "))" } ?? ""
    let place = entry.position.map { "  \($0.file.displayPath(relativeTo: .currentFolder)):\($0.line):\($0.column)" }
    let layer = ["variable", "layer", "base"].contains(entry.kind) ? "" : ", layer \(entry.layer)"
    return "  \(entry.counts ? "*" : " ") \(entry.kind) \(entry.name)\(value): \(entry.action)\(layer)\(place ?? "")"
  }
}
