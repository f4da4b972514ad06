import Glibc
import LinuxSystem
import PackageInstallation

// cultivar-installer unpack PLAN       unpacks the packages of a plan; runs outside the tree
// cultivar-installer configure PLAN    configures the packages; runs inside the tree

let arguments = CommandLine.arguments
do {
  guard arguments.count == 3 else {
    throw InstallationFailure("cultivar-installer needs a verb and a plan; only `cultivar` starts it")
  }
  umask(0o022)
  let plan = try InstallationPlan(FileTree.read(arguments[2], limit: 1 << 30))
  switch arguments[1] {
  case "unpack": try PackageUnpacking(plan).run()
  case "configure": try PackageConfiguration(plan).run()
  default: throw InstallationFailure("unknown verb \(arguments[1])")
  }
} catch {
  try? Descriptor.standardError.write(all: Array("\(error)\n".utf8))
  exit(1)
}
