import Glibc
import HostSystem
import LinuxSystem
import Trust

/// Reads the files of a signing ceremony. Errors contain the file's path.
public enum TrustFile {
  /// Reads a root file.
  ///
  /// - Throws: ``SigningFailure/file(_:_:)``, `FileFailure`.
  public static func root(_ path: String) throws -> SignedTrustRoot {
    try read(path) { bytes throws(TrustFailure) in try SignedTrustRoot(file: bytes) }
  }

  /// Reads a public key.
  ///
  /// - Throws: ``SigningFailure/file(_:_:)``, `FileFailure`.
  public static func publicKey(_ path: String) throws -> PublicKey {
    guard try !isPrivateKey(path) else { throw SigningFailure.privateKey(path, publicKey: publicKeyBeside(path)) }
    return try read(path) { bytes throws(TrustFailure) in try PublicKey(pem: bytes) }
  }

  /// True for a file with a private key in PEM, of whatever kind; parameters of the key may stand before it.
  ///
  /// - Throws: `FileFailure`.
  public static func isPrivateKey(_ path: String) throws -> Bool {
    String(decoding: try OpenFile(path).read(atMost: 4096), as: UTF8.self).contains("PRIVATE KEY-----")
  }

  /// Reads a file with signatures.
  ///
  /// - Throws: ``SigningFailure/file(_:_:)``, `FileFailure`.
  public static func signatures(_ path: String) throws -> Envelope {
    try read(path) { bytes throws(TrustFailure) in try Envelope(file: bytes) }
  }

  /// Reads a statement to sign.
  ///
  /// - Throws: ``SigningFailure/file(_:_:)``, `FileFailure`.
  public static func statement(_ path: String) throws -> SigningInput {
    try read(path) { bytes throws(TrustFailure) in try SigningInput(statement: bytes) }
  }

  /// Reads a signature in the form that a signing program writes.
  ///
  /// - Throws: ``SigningFailure/file(_:_:)``, `FileFailure`.
  public static func signature(_ path: String, of key: PublicKey) throws -> Signature {
    try read(path) { bytes throws(TrustFailure) in try Signature(written: bytes, algorithm: key.algorithm) }
  }

  /// The file that `cultivar keys generate` has written beside a private key, if it is still there.
  private static func publicKeyBeside(_ path: String) -> String? {
    guard path.hasSuffix(".key") else { return nil }
    let beside = path.dropLast(".key".count) + ".pub"
    return access(String(beside), R_OK) == 0 ? String(beside) : nil
  }

  private static func read<Value>(
    _ path: String, _ parse: ([UInt8]) throws(TrustFailure) -> Value
  ) throws -> Value {
    let bytes = try FolderTree.readFile(path)
    do { return try parse(bytes) } catch { throw SigningFailure.file(path, error) }
  }
}
