import ArgumentParser
import FoundationEssentials
import HostSystem
import ImageBuild
import Project
import Spelling

/// `cultivar explain`: shows the origin of a part of a system.
struct ExplainCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "explain", abstract: "Show the origin of a value, package or file of a system.",
    discussion: """
      NAME is a variable (with or without its layer), a package, the path of a file, or a step, unit, user, group or \
      layer. '*' marks the entry that takes effect. Secrets are not shown. For packages that other packages need, and \
      for their files, the command reads the last build.
      """)

  @OptionGroup var options: ProjectOptions
  @OptionGroup var set: SetOptions

  @Argument(help: "Name to explain.")
  var name: String

  @Option(help: "Image. Default: all systems of the project.")
  var image: String?

  @Flag(help: "Write the result as JSON to standard output.")
  var json = false

  func run() async throws {
    try await CommandErrors.shown {
      let session = try await SystemSession(options)
      let images = try session.images(named: image.map { [$0] } ?? [])
      let found = try images.map { image in
        let trace = try session.read(image, set: set.settings).trace
        let folder = ArtefactFolder(
          session.project.folder.appending(path: "build/\(image.name)"), name: image.name)
        let built = try BuildExplanation(
          folder, cache: try Cache(at: Cache.defaultFolder(environment: ProcessInfo.processInfo.environment))
        )
        .lines(for: name)
        return (image: image.name, entries: trace.entries(named: name), names: trace.names, built: built)
      }
      guard found.contains(where: { !$0.entries.isEmpty || !$0.built.isEmpty }) else {
        throw ProjectFailure(
          "no system has a variable, package, file, step, unit, user, group or layer '\(name)'",
          remedy: NearestName.nearest(to: name, among: found.flatMap(\.names)).map { "did you mean '\($0)'?" }
            ?? "for packages that other packages need, and their files, build the image first: `cultivar build`")
      }
      guard !json else {
        return print(
          JSONValue.array(
            found.map {
              [
                "image": .text($0.image), "entries": .array($0.entries.map(\.json)),
                "built": .array($0.built.map(JSONValue.text)),
              ]
            }
          ).formatted)
      }
      for (image, entries, _, built) in found where !entries.isEmpty || !built.isEmpty {
        print(image)
        for entry in entries { print(line(entry)) }
        for line in built { print("    in the last build: \(line)") }
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
