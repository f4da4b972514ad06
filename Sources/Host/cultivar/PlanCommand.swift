import ArgumentParser
import DeviceModel
import DiskImage
import FoundationEssentials
import HostSystem
import ImageBuild

/// `cultivar plan`: shows the work of a build without doing it.
struct PlanCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "plan", abstract: "Show the steps of a build, and the results that are in the cache.",
    discussion: "Nothing is fetched, built or written.")

  @OptionGroup var options: ProjectOptions
  @OptionGroup var variables: SetOptions

  @Argument(help: "Images. Default: all.")
  var images: [String] = []

  @Flag(help: "Write the result as JSON to standard output.")
  var json = false

  func run() async throws {
    try await CommandErrors.shown {
      let session = try ProjectSession(options, quiet: true)
      var plans: [ImagePlan] = []
      for image in try session.images(named: images) {
        let system =
          image.kind == .system
          ? try await session.system(of: image, set: variables.settings, needsSecrets: false).system : nil
        let plan = try await session.builder.plan(image, system: system)
        plans.append(plan)
        if !json { print(text(plan)) }
      }
      guard json else { return }
      try ReadableJSON.print(plans)
    }
  }

  private func text(_ plan: ImagePlan) -> String {
    if !plan.isLocked, let piece = plan.pieces.first {
      return "\(plan.image): the steps after the \(piece.title) are not known yet"
    }
    guard plan.isLocked else {
      return
        "\(plan.image): packages are not locked yet; `cultivar build` or `cultivar lock` looks them up in the archive"
    }
    var lines = ["\(plan.image): \(plan.packages) packages, all locked"]
    if plan.packagesToFetch > 0 {
      lines.append("  to fetch: \(plan.packagesToFetch) packages, \(ByteSize(bytes: plan.bytesToFetch))")
    }
    lines += plan.pieces.map { "  \($0.isCached ? "cached" : "to do ")  \($0.title)" }
    return lines.joined(separator: "\n")
  }
}
