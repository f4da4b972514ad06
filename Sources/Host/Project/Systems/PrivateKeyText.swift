/// The detection of private keys, so that none is shown or added to an image by mistake.
enum PrivateKeyText {
  /// Advice for the user.
  static let hint =
    "name the file of the public key, which ends in .pub; put private values into variables of the type secret"

  /// Returns true if a text contains a private key in the format of OpenSSL, OpenSSH (both PEM) or PuTTY.
  static func isOne(_ text: String) -> Bool {
    text.contains("PRIVATE KEY-----") || text.hasPrefix("PuTTY-User-Key-File-")
  }
}

extension Shape<String> {
  /// The same shape, except that private keys are errors. The message does not show the key.
  var refusingPrivateKeys: Shape {
    Shape(description) { node, reading in
      if case .scalar(let scalar) = node.content, PrivateKeyText.isOne(scalar.text) {
        reading.error(hidingLine: "this is a private key", at: node.position, hint: PrivateKeyText.hint)
        return nil
      }
      return read(node, &reading)
    }
  }
}
