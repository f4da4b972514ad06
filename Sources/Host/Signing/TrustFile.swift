import HostSystem
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
    try read(path) { bytes throws(TrustFailure) in try PublicKey(pem: bytes) }
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

  private static func read<Value>(
    _ path: String, _ parse: ([UInt8]) throws(TrustFailure) -> Value
  ) throws -> Value {
    let bytes = try FolderTree.readFile(path)
    do { return try parse(bytes) } catch { throw SigningFailure.file(path, error) }
  }
}
