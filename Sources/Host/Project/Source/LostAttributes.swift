import FoundationEssentials
import Glibc
import enum LinuxSystem.ExtendedAttributes

/// The attributes of files of the build host that are not copied into an image.
///
/// Access control lists and user attributes can come from the checkout, like modes, so their loss is only a warning. A
/// capability was set on purpose, so its loss is an error.
enum LostAttributes {
  /// Returns messages about the attributes of a file.
  ///
  /// - Returns: Messages with their severity; empty if the file has no such attributes or does not exist.
  static func messages(about file: URL) -> [(severity: Diagnostic.Severity, text: String)] {
    let names = ExtendedAttributes.names(of: file.path).filter {
      !$0.hasPrefix("user.xdg.") && !$0.hasPrefix("trusted.")
    }
    var messages: [(Diagnostic.Severity, String)] = []
    if names.contains("security.capability") {
      messages.append((.error, "\(file.path) has a capability, which is not copied into the image"))
    }
    if names.contains("system.posix_acl_access") {
      messages.append((.warning, "\(file.path) has an access control list, which is not copied into the image"))
    }
    let others = names.filter { $0.hasPrefix("user.") }
    if !others.isEmpty {
      messages.append(
        (
          .warning,
          "\(file.path) has the attribute \(others.joined(separator: ", ")), which is not copied into the image"
        ))
    }
    return messages
  }

  /// Returns messages about the attributes of a file, or of all files at any depth in a folder.
  ///
  /// Links in the folder are not followed.
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
  /// Returns the same shape, which also reports attributes that are not copied into an appliance.
  ///
  /// - Parameter hint: Advice for a file with a capability.
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
