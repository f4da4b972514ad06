import FoundationEssentials
import Glibc
import HostSystem
import Trust

/// Makes key pairs.
public struct KeyGeneration: Sendable {
  /// Kind of the key.
  public var algorithm: PublicKey.Algorithm
  /// Where the private key goes: PKCS #8 in PEM, readable by its owner only.
  public var keyFile: String
  /// Where the public key goes: SubjectPublicKeyInfo in PEM.
  public var publicFile: String

  /// Plans a pair of files.
  ///
  /// - Parameter name: Path without an ending, or with `.key` or `.pem`; the public key has `.pub` instead.
  public init(_ algorithm: PublicKey.Algorithm, named name: String) {
    self.algorithm = algorithm
    let ending = [".key", ".pem"].first { name.hasSuffix($0) && !name.hasSuffix("/\($0)") && name != $0 }
    keyFile = ending == nil ? name + ".key" : name
    publicFile = (ending.map { String(name.dropLast($0.count)) } ?? name) + ".pub"
  }

  /// Makes the pair. Both files appear complete, the private one first, and neither takes the place of another.
  ///
  /// - Parameter passphrase: Encrypts the private key (AES-256-CBC, by scrypt); `nil` leaves it readable.
  /// - Throws: ``SigningFailure``, `FileFailure`, `CommandFailure`.
  public func run(passphrase: Secret?) async throws -> PublicKey {
    for path in [keyFile, publicFile] where FileManager.default.fileExists(atPath: path) {
      throw SigningFailure.exists(path)
    }
    let temporary = "\(keyFile).\(getpid()).new"
    let temporaryPublic = "\(publicFile).\(getpid()).new"
    defer {
      unlink(temporary)
      unlink(temporaryPublic)
    }
    // Before OpenSSL writes into it, nobody else can open it.
    let descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o600)
    guard descriptor >= 0 else { throw FileFailure.last("write", temporary) }
    defer { close(descriptor) }
    try await command(writing: temporary, passphrase: passphrase).run()
    guard fsync(descriptor) == 0 else { throw FileFailure.last("write", temporary) }
    let key = try await SigningKey(temporary).publicKey(passphrase)
    try FolderTree.replaceFile(temporaryPublic, with: Array(key.pem.utf8))
    try NewFile.name(temporary, keyFile)
    do { try NewFile.name(temporaryPublic, publicFile) } catch {
      unlink(keyFile)
      throw error
    }
    return key
  }

  private func command(writing path: String, passphrase: Secret?) -> HostCommand {
    let kind =
      algorithm == .ed25519
      ? ["-algorithm", "ED25519"] : ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"]
    let purpose = "make the key \(keyFile)"
    guard let passphrase else { return HostCommand(.openSSL, ["genpkey"] + kind + ["-out", path], to: purpose) }
    // Two programs, as `genpkey` cannot be told to make a passphrase slow to guess. N, r and p are those that OWASP recommends
    // for 16 MiB: OpenSSL opens no key that needs more than 32 MiB.
    let script = """
      set -eu
      umask 077
      exec 3<&0
      out=$1
      shift
      openssl genpkey "$@" </dev/null |
        openssl pkcs8 -topk8 -v2 aes-256-cbc -scrypt -scrypt_N 16384 -scrypt_r 8 -scrypt_p 5 -passout fd:3 -out "$out"
      """
    return HostCommand(.shell, ["-c", script, "sh", path] + kind, to: purpose, input: .bytes(passphrase.line))
  }
}
