/// Tells private keys from other texts, so that none of them is shown or becomes a part of an image by mistake.
enum PrivateKeyText {
  /// What to do instead.
  static let hint =
    "name the file of the public key, which ends in .pub; what has to be private belongs into a variable of the type secret"

  /// Whether a text has a private key in it, as OpenSSL, OpenSSH (both PEM) or PuTTY write it.
  static func isOne(_ text: String) -> Bool {
    text.contains("PRIVATE KEY-----") || text.hasPrefix("PuTTY-User-Key-File-")
  }
}

extension Shape<String> {
  /// The same for texts that may not be private keys: one of them is said to be one, and nothing of it is shown.
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
