import FoundationEssentials
import HostSystem
import Project

/// A user or group of a layer that cannot be as the layer says, because packages or earlier layers have made it otherwise.
struct AccountFailure: ExplainedError {
  private let place: String
  private let reason: String

  /// Finds the reason in what the script of a layer's content said; `nil` where it failed for another one.
  init?(_ failure: CommandFailure, of layer: SystemLayer) {
    guard case .failed(_, let said) = failure.outcome,
      let line = said.split(separator: "\n").first(where: { $0.hasPrefix("account: ") })
    else { return nil }
    reason = String(line.dropFirst("account: ".count))
    let words = reason.split(separator: " ")
    let name = words.count > 1 ? String(words[1]) : ""
    let user = words.first == "user" ? layer.users.first { $0.name == name } : nil
    let position = user?.position ?? layer.position
    place = "\(position.file.lastPathComponent):\(position.line): "
  }

  /// What was being done, and what was wrong.
  var problem: String { "\(place)\(reason)" }
  /// What the user can do now.
  var remedy: String? {
    "leave that key out and take the account as it is, or give the layer's own another name"
  }
}
