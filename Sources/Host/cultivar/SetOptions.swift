import ArgumentParser
import Project

/// `--set NAME=VALUE`: values of variables, which override those of the image, project and profile.
struct SetOptions: ParsableArguments {
  struct Assignment: ExpressibleByArgument {
    var name: String
    var value: String

    init?(argument: String) {
      guard let sign = argument.firstIndex(of: "="), sign != argument.startIndex else { return nil }
      name = String(argument[..<sign])
      value = String(argument[argument.index(after: sign)...])
    }
  }

  @Option(
    name: .customLong("set"),
    help: ArgumentHelp(
      """
      Value of a variable, as layer.variable, or a variable of the project. A list has one entry per line. The value \
      can be '!file PATH' or '!env NAME'; for a secret, it must be one of them. May be repeated.
      """, valueName: "name=value"))
  var assignments: [Assignment] = []

  /// The values by name. The last value of a name counts.
  var settings: [String: String] {
    Dictionary(assignments.map { ($0.name, $0.value) }) { _, last in last }
  }
}
