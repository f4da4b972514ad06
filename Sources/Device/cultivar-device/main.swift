import Glibc

// The name of the executable selects the role; under its own name, the first argument does.
let name = Role.baseName(of: CommandLine.arguments.first ?? "")
let arguments = Array(CommandLine.arguments.dropFirst())
if let role = Role(rawValue: name) {
  role.run(arguments)
} else if let role = arguments.first.flatMap(Role.init) {
  role.run(Array(arguments.dropFirst()))
} else {
  Role.explain()
}
