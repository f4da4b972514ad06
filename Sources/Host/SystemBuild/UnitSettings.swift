import FoundationEssentials
import Project

/// The settings of a unit file or a drop-in, with their positions (systemd.syntax(7)).
struct UnitSettings {
  /// A line `Key=value`.
  struct Setting: Equatable {
    var key: String
    var value: String
    var position: SourcePosition
  }

  /// A user or group that a unit names.
  struct Account: Equatable {
    /// `User`, `Group`, `SupplementaryGroups`, `SocketUser` or `SocketGroup`.
    var key: String
    var name: String
    var position: SourcePosition
    /// True if systemd makes the account itself (`DynamicUser=`).
    var mayBeDynamic: Bool { key == "User" || key == "Group" }
  }

  /// Position of the first line: in the file itself, or where a layer file contains its text.
  let first: SourcePosition
  private(set) var settings: [Setting] = []

  /// Reads a file of a layer. A link has no settings.
  init(_ file: SystemFile) {
    switch file.content {
    case .file(let url):
      first = SourcePosition(file: url, line: 1, column: 1)
      read((try? String(contentsOf: url, encoding: .utf8)) ?? "") { SourcePosition(file: url, line: $0, column: 1) }
    case .text(let text):
      first = file.position
      read(text) { _ in file.position }
    case .folder, .link, .absent: first = file.position
    }
  }

  private mutating func read(_ text: String, _ position: (Int) -> SourcePosition) {
    var isContinued = false
    for (index, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
      let wasContinued = isContinued
      isContinued = line.hasSuffix("\\")
      let line = line.trimmed
      guard !wasContinued, !line.hasPrefix("#"), !line.hasPrefix(";"), let equals = line.firstIndex(of: "=") else {
        continue
      }
      settings.append(
        Setting(
          key: String(line[..<equals].trimmed), value: String(line[line.index(after: equals)...].trimmed),
          position: position(index + 1)))
    }
  }

  /// The accounts that a unit names in the end: a later line takes the place of an earlier one, and lists grow until an empty line.
  ///
  /// Numbers, and names with specifiers in them, are left out.
  static func accounts(of files: [UnitSettings]) -> [Account] {
    var single: [String: Setting] = [:]
    var groups: [Setting] = []
    for setting in files.flatMap(\.settings) {
      switch setting.key {
      case "User", "Group", "SocketUser", "SocketGroup": single[setting.key] = setting
      case "SupplementaryGroups" where setting.value.isEmpty: groups = []
      case "SupplementaryGroups": groups.append(setting)
      default: break
      }
    }
    let all = single.values.sorted { $0.key < $1.key } + groups
    return all.flatMap { setting in
      setting.value.split(whereSeparator: \.isWhitespace).map(String.init)
        .filter { UInt32($0) == nil && !$0.contains("%") }
        .map { Account(key: setting.key, name: $0, position: setting.position) }
    }
  }
}

extension Substring {
  fileprivate var trimmed: Substring {
    var text = drop(while: \.isWhitespace)
    while text.last?.isWhitespace == true { text.removeLast() }
    return text
  }
}
