import FoundationEssentials
import HostSystem
import LinuxSystem
import Trust

/// The location of a private key: a PEM file, or a token that is accessed with PKCS #11.
///
/// Only OpenSSL reads a private key. It accesses tokens with its engine `pkcs11` (Debian's libengine-pkcs11-openssl).
/// The engine loads the library in `PKCS11_MODULE_PATH`, or in `module-path` of the URI, or that of p11-kit.
public struct SigningKey: Hashable, Sendable {
  private enum Place: Hashable {
    case file(String)
    case token(uri: String, library: String?)
  }

  private let place: Place
  /// Environment variables for OpenSSL in addition to this process's own.
  var environment: [String: String] = [:]

  /// Parses the path of a PEM file, or a URI that begins with `pkcs11:` (RFC 7512).
  ///
  /// - Throws: ``SigningFailure/keyURI(_:)`` for a URI with a PIN, as all users of the machine can see the arguments of
  ///   programs.
  public init(_ text: String) throws(SigningFailure) {
    guard text.hasPrefix("pkcs11:") else {
      place = .file(text)
      return
    }
    let halves = text.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
    var library: String?
    var query: [Substring] = []
    for attribute in halves.count > 1 ? halves[1].split(separator: "&") : [] {
      if attribute.hasPrefix("module-path=") {
        guard let path = attribute.dropFirst("module-path=".count).percentDecoded else {
          throw .keyURI("module-path is not percent-encoded")
        }
        library = path
      } else {
        query.append(attribute)
      }
    }
    if (halves[0].split(separator: ";") + query).contains(where: { $0.contains("pin-value=") }) {
      throw .keyURI("remove pin-value; the PIN comes from a file, a variable or the terminal, like a passphrase")
    }
    place = .token(uri: halves[0] + (query.isEmpty ? "" : "?" + query.joined(separator: "&")), library: library)
  }

  /// The key's name in messages.
  public var name: String {
    switch place {
    case .file(let path): path
    case .token(let uri, _): uri
    }
  }

  /// Returns true if the key needs a passphrase or PIN.
  ///
  /// - Throws: `FileFailure` if the file cannot be read.
  func isProtected() throws -> Bool {
    guard case .file(let path) = place else { return true }
    // The first line is enough. This process does not read the key itself.
    let mark = Array("-----BEGIN ENCRYPTED PRIVATE KEY-----".utf8)
    return try OpenFile(path).read(atMost: mark.count) == mark
  }

  /// Reads the public key with OpenSSL.
  ///
  /// - Throws: ``SigningFailure``, `CommandFailure`.
  func publicKey(_ secret: Secret?) async throws -> PublicKey {
    let options: [String]
    switch place {
    case .file(let path): options = ["-in", path]
    case .token(let uri, _): options = ["-engine", "pkcs11", "-inform", "engine", "-in", uri]
    }
    let pem = try await run("pkey", options + ["-pubout"], secret, to: "read the key \(name)")
    do { return try PublicKey(pem: Array(pem.utf8)) } catch {
      throw SigningFailure.unsuitableKey(name, reason: error.problem)
    }
  }

  /// Signs the bytes of a file with OpenSSL, and writes the signature to another file.
  ///
  /// - Throws: ``SigningFailure``, `CommandFailure`.
  func sign(_ statement: String, to output: String, as algorithm: PublicKey.Algorithm, _ secret: Secret?) async throws {
    let options: [String]
    switch place {
    case .file(let path): options = ["-inkey", path]
    case .token(let uri, _): options = ["-engine", "pkcs11", "-keyform", "engine", "-inkey", uri]
    }
    let digest = algorithm == .ecdsaP256 ? ["-digest", "sha256"] : []
    try await run(
      "pkeyutl", ["-sign", "-rawin"] + digest + options + ["-in", statement, "-out", output], secret,
      to: "sign with \(name)")
  }

  @discardableResult
  private func run(_ command: String, _ arguments: [String], _ secret: Secret?, to purpose: String) async throws
    -> String
  {
    var environment = environment.mapValues(Optional.some)
    if case .token(_, let library?) = place { environment["PKCS11_MODULE_PATH"] = library }
    do {
      return try await HostCommand(
        .openSSL, [command] + (secret == nil ? [] : ["-passin", "stdin"]) + arguments, to: purpose,
        environment: environment, input: secret.map { .bytes($0.line) } ?? .none
      ).run(limit: 1 << 20)
    } catch let failure as CommandFailure {
      throw explained(failure)
    }
  }

  /// Converts known error messages of OpenSSL to errors for the user.
  private func explained(_ failure: CommandFailure) -> any Error {
    guard case .failed(_, let said) = failure.outcome else { return failure }
    let wrong = ["bad decrypt", "maybe wrong password", "PIN incorrect", "CKR_PIN_", "Error decrypting", "PIN invalid"]
    if wrong.contains(where: said.contains) { return SigningFailure.wrongPassphrase(name) }
    guard case .token = place else { return failure }
    if said.contains("nvalid engine") || said.contains("could not load the shared library") {
      return SigningFailure.noEngine
    }
    if said.contains("object not found") || said.contains("was not found at") { return SigningFailure.noSuchKey(name) }
    return failure
  }
}
