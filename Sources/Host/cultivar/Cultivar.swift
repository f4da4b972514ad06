import ArgumentParser

/// The command line of the developer's machine.
@main
struct Cultivar: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "cultivar",
    abstract: "Build Linux images for devices from a project file, and update devices.",
    discussion: "A project is a folder with cultivar.yaml. Begin with `cultivar new DIR`.",
    version: "0.1.0",
    subcommands: [
      NewCommand.self, AddCommand.self, CheckCommand.self, LayerCommand.self, ExplainCommand.self, PlanCommand.self,
      BuildCommand.self, RunCommand.self, ShellCommand.self, FlashCommand.self, UpdateCommand.self,
      SizeCommand.self, DiffCommand.self, BundleCommand.self, ImagerJSONCommand.self, LockCommand.self,
      OutdatedCommand.self, KeysCommand.self,
      TokenCommand.self, SDKCommand.self, CacheCommand.self, SchemaCommand.self, DoctorCommand.self,
    ])
}
