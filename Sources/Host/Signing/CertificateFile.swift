import Crypto
import HostSystem
import SwiftASN1
import Trust
import X509

/// A signer's certificate and its issuers' certificates, from a PEM file.
public struct CertificateFile: Sendable {
  /// Path of the file.
  public let path: String
  /// The signer's certificate, in DER.
  public let leaf: [UInt8]
  /// The issuers' certificates in DER, in order. A self-signed one is left out, as the root contains it.
  public let intermediates: [[UInt8]]
  /// The key in the signer's certificate; `nil` if its kind cannot sign statements.
  let key: PublicKey?

  /// Maximum size of the file in bytes.
  static let mostBytes = 256 << 10

  /// Reads a certificate chain.
  ///
  /// - Throws: ``SigningFailure/certificates(_:reason:)``, `FileFailure`.
  public init(_ path: String) throws {
    let chain = try Self.certificates(in: path)
    self.path = path
    leaf = chain[0].der
    intermediates = chain.dropFirst().filter { $0.certificate.issuer != $0.certificate.subject }.map(\.der)
    key = Self.key(of: chain[0].certificate)
  }

  /// Reads certificates of authorities, for a root.
  ///
  /// - Throws: ``SigningFailure/certificates(_:reason:)``, also if a certificate is not an authority's; `FileFailure`.
  public static func authorities(in path: String) throws -> [[UInt8]] {
    try certificates(in: path).map { entry in
      guard case .isCertificateAuthority? = try? entry.certificate.extensions.basicConstraints else {
        throw SigningFailure.certificates(path, reason: "'\(entry.certificate.subject)' is not a certificate authority")
      }
      return entry.der
    }
  }

  private static func certificates(in path: String) throws -> [(certificate: Certificate, der: [UInt8])] {
    let bytes = try FolderTree.readFile(path)
    guard bytes.count <= mostBytes, let text = String(validating: bytes, as: UTF8.self),
      let documents = try? PEMDocument.parseMultiple(pemString: text)
    else { throw SigningFailure.certificates(path, reason: "it is not PEM") }
    guard !documents.isEmpty else { throw SigningFailure.certificates(path, reason: "it has none") }
    return try documents.enumerated().map { index, document in
      guard document.discriminator == "CERTIFICATE",
        let certificate = try? Certificate(derEncoded: document.derBytes)
      else { throw SigningFailure.certificates(path, reason: "part \(index + 1) is not a certificate") }
      return (certificate, document.derBytes)
    }
  }

  private static func key(of certificate: Certificate) -> PublicKey? {
    var serializer = DER.Serializer()
    guard (try? serializer.serialize(certificate.publicKey)) != nil else { return nil }
    return try? PublicKey(der: serializer.serializedBytes)
  }
}
