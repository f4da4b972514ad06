import Glibc
import LinuxSystem
import SandboxPlan

// cultivar-sandbox run PLAN                   makes the sandbox of a plan and runs its program
// cultivar-sandbox remove PLAN                removes the folder of a plan, with the sandbox's IDs
// cultivar-sandbox inside PLAN DESCRIPTOR     continues as PID 1 of the sandbox; only `run` executes this

let arguments = CommandLine.arguments
do {
  guard arguments.count >= 3 else {
    throw SandboxFailure("cultivar-sandbox needs a verb and a plan; only `cultivar` starts it")
  }
  let plan = try SandboxPlan(FileTree.read(arguments[2], limit: 1 << 30))
  let caller = Caller(plan: plan)
  switch arguments[1] {
  case "run": exit(try caller.run { parent in try SandboxProcess(plan: plan, parent: parent).start(arguments[2]) })
  case "inside":
    guard arguments.count == 4, let number = Int32(arguments[3]) else {
      throw SandboxFailure("the verb inside needs a descriptor")
    }
    try SandboxProcess(plan: plan, parent: Parent(connection: Descriptor(owning: number))).run()
  case "remove": exit(try caller.run { parent in try SandboxProcess(plan: plan, parent: parent).removeFolder() })
  default: throw SandboxFailure("unknown verb \(arguments[1])")
  }
} catch {
  SandboxFailure.end(with: error)
}
