import Spelling

/// The checks of the programs and files of an image.
enum ImageChecks {
  /// Checks that names are unique, that a program that is PID 1 is the only one, and that no programs wait for each
  /// other.
  static func checkPrograms(_ programs: [ProgramEntry], _ reading: inout Reading) {
    var first: [String: SourcePosition] = [:]
    for name in programs.compactMap(\.name) {
      guard let earlier = first[name.value] else {
        first[name.value] = name.position
        continue
      }
      reading.error(
        "two programs are called '\(name.value)' in \(reading.place)", at: name.position,
        hint: "the other one is on line \(earlier.line); give one of them another 'name'")
    }
    for program in programs where programs.count > 1 && program.definition?.isInit == true {
      reading.error(
        "a program with 'init: true' must be the only program of its image", at: program.position,
        hint: "remove 'init: true', or the other programs: nothing would start them")
    }
    checkReferences(programs, &reading)
  }

  /// Reports files with the same path. The result would depend on their order.
  static func checkPaths(_ paths: [Located<String>], _ reading: inout Reading) {
    var first: [String: SourcePosition] = [:]
    for path in paths {
      guard let earlier = first[path.value] else {
        first[path.value] = path.position
        continue
      }
      // Files of the image are checked before those of programs, regardless of their order in the project file.
      let (one, other) = earlier.line <= path.position.line ? (earlier, path.position) : (path.position, earlier)
      reading.error(
        "two files have the path '\(path.value)' in \(reading.place)", at: other,
        hint: "the other one is on line \(one.line); keep one of them")
    }
  }

  /// Reports conditions that can never be met.
  static func checkConditions(
    _ programs: [ProgramEntry], hasNetwork: Bool, hasClock: Bool, _ reading: inout Reading
  ) {
    for condition in programs.flatMap(\.waitFor) {
      switch condition.value {
      case .network where !hasNetwork:
        reading.error(
          "the program would never start: \(reading.place) has no network", at: condition.position,
          hint: "remove the condition, or 'network: none'")
      case .clock where !hasClock:
        reading.error(
          "the program would never start: the clock of \(reading.place) is never set", at: condition.position,
          hint: "remove the condition, or give the image a network and 'servers' under 'clock'")
      default:
        break
      }
    }
  }

  private static func checkReferences(_ programs: [ProgramEntry], _ reading: inout Reading) {
    let names = programs.compactMap(\.name?.value)
    // If the name of a program is unknown, a reference may mean that program.
    let allKnown = names.count == programs.count
    var waits: [String: [Located<String>]] = [:]
    for program in programs {
      for condition in program.waitFor {
        guard case .program(let target) = condition.value else { continue }
        if names.contains(target) {
          if let name = program.name?.value {
            waits[name, default: []].append(Located(value: target, position: condition.position))
          }
        } else if allKnown {
          reading.error(
            "there is no program '\(target)' in \(reading.place)", at: condition.position,
            hint: NearestName.hint(for: target, among: names, kind: "programs"))
        }
      }
    }
    for cycle in WaitCycles.all(in: waits, order: names) {
      reading.error(
        "the programs wait for each other: \(cycle.names.joined(separator: " → "))", at: cycle.position,
        hint: "none of them would ever start; remove one of the conditions")
    }
  }
}
