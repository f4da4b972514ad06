/// Keys that are right by themselves and have no effect in an image: each is refused at its line, with the reason.
enum IdleKeys {
  /// Refuses them.
  ///
  /// - Parameters:
  ///   - layers: The layers of the image, overrides applied.
  ///   - usedFacts: Names of the image's and project's facts that texts of the layers use.
  static func check(
    _ image: ImageDefinition, _ request: SystemRequest, _ layers: [LayerDefinition], usedFacts: Set<String>,
    _ problems: inout ProblemList
  ) {
    for parts in image.device.isRaspberryPi ? [] : layers.map(\.parts) + [request.parts] {
      guard let line = parts.bootConfiguration.first else { continue }
      problems.error(
        "'firmware' has no effect in image '\(image.name)': \(image.device.rawValue) has no config.txt",
        at: line.position,
        hint: "remove it: only the firmware of a Raspberry Pi reads such lines")
    }
    if let position = request.timezonePosition, !usedFacts.contains("image.timezone") {
      problems.error(
        "'timezone' has no effect in image '\(image.name)': none of its layers sets the time zone", at: position,
        hint: "add the layer 'time-zone', or remove the line")
    }
    // A layer may be in other images as well, which take updates.
    guard image.update == nil else { return }
    for check in request.parts.healthChecks + request.overrides.flatMap(\.parts.healthChecks) {
      problems.error(
        "the health check '\(check.name)' has no effect: image '\(image.name)' takes no updates", at: check.position,
        hint: "add 'update', or remove the check")
    }
  }
}
