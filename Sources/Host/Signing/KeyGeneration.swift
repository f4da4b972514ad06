import FoundationEssentials
import Glibc
import HostSystem
import Trust

/// Generates key pairs.
public struct KeyGeneration: Sendable {
  public var algorithm: PublicKey.Algorithm
  /// Path for the private key: PKCS #8 in PEM, readable only by its owner.
  public var keyFile: String
  /// Path for the public key: SubjectPublicKeyInfo in PEM.
  public var publicFile: String

  /// Chooses the paths of the two files.
  ///
  /// - Parameter name: Path without a suffix, or with `.key` or `.pem`. The public key has the suffix `.pub` instead.
  public init(_ algorithm: PublicKey.Algorithm, named name: String) {
    self.algorithm = algorithm
    let ending = [".key", ".pem"].first { name.hasSuffix($0) && !name.hasSuffix("/\($0)") && name != $0 }
    keyFile = ending == nil ? name + ".key" : name
    publicFile = (ending.map { String(name.dropLast($0.count)) } ?? name) + ".pub"
  }

  /// Generates the pair. Both files appear complete, the private key first, and existing files are not replaced.
  ///
  /// - Parameter passphrase: Passphrase that encrypts the private key (AES-256-CBC, scrypt); `nil` for no encryption.
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
    // The file is private before OpenSSL writes to it.
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
    // Two programs, as `genpkey` cannot use scrypt. N, r and p are OWASP's recommendation for 16 MiB. OpenSSL opens no
    // key that needs more than 32 MiB.
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
