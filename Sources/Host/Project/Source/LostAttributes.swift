import FoundationEssentials
import Glibc
import enum LinuxSystem.ExtendedAttributes

/// Attributes of files of the build host that do not come into an image.
///
/// Lists and attributes depend on where the project was checked out, as modes do; a capability has been given on purpose.
enum LostAttributes {
  /// Says what a file has.
  ///
  /// - Returns: Messages, each with how bad it is; none for a file that has nothing, or is not there.
  static func messages(about file: URL) -> [(severity: Diagnostic.Severity, text: String)] {
    let names = ExtendedAttributes.names(of: file.path).filter {
      !$0.hasPrefix("user.xdg.") && !$0.hasPrefix("trusted.")
    }
    var messages: [(Diagnostic.Severity, String)] = []
    if names.contains("security.capability") {
      messages.append((.error, "\(file.path) has a capability, which does not come into the image"))
    }
    if names.contains("system.posix_acl_access") {
      messages.append((.warning, "\(file.path) has an access control list, which does not come into the image"))
    }
    let others = names.filter { $0.hasPrefix("user.") }
    if !others.isEmpty {
      messages.append(
        (
          .warning,
          "\(file.path) has the attribute \(others.joined(separator: ", ")), which does not come into the image"
        ))
    }
    return messages
  }

  /// Says what a file has, or the files in a folder, at any depth; links are not followed.
  static func messages(below place: URL) -> [(severity: Diagnostic.Severity, text: String)] {
    let inner = (try? FileManager.default.subpathsOfDirectory(atPath: place.path)) ?? []
    let files = inner.sorted().map { place.appending(path: $0) }.filter { file in
      var status = stat()
      return lstat(file.path, &status) == 0 && status.st_mode & S_IFMT == S_IFREG
    }
    return ([place] + files).flatMap { messages(about: $0) }
  }
}

extension Shape<URL> {
  /// A file or folder of the build host, of which is said what of it does not come into an appliance.
  ///
  /// - Parameter hint: What to do in place of giving it a capability.
  func sayingLostAttributes(hint: String) -> Shape {
    checked { file, node, reading in
      for message in LostAttributes.messages(below: file) {
        switch message.severity {
        case .error: reading.error(message.text, at: node.position, hint: hint)
        case .warning:
          reading.warning(
            message.text, at: node.position,
            hint: "remove it (`setfacl -b`, `setfattr -x`): an appliance's files have none")
        }
      }
      return file
    }
  }
}
