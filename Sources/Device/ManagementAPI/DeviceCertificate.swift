import Crypto
import DeviceModel
import FoundationEssentials
import Glibc
import Hashing
import LinuxSystem
import NIOSSL
import SwiftASN1
import X509

/// The key and the self-signed certificate that identify a device. They are made at its first start.
///
/// A client does not check its issuer or its dates. It remembers the fingerprint.
public struct DeviceCertificate: Sendable {
  /// Name of the file in PEM: the certificate, then its private key.
  static let fileName = "certificate.pem"
  private static let sizeLimit = 65_536

  let certificate: NIOSSLCertificate
  let privateKey: NIOSSLPrivateKey

  /// SHA-256 of the certificate, in DER.
  public let fingerprint: Hashing.Digest
  /// True if the certificate was just made.
  public let isNew: Bool

  /// Reads the certificate from a folder, or makes one.
  ///
  /// Certificate and key are one file that is replaced as a whole. After a power cut there is a matching pair, or none,
  /// and then no client has seen it yet. A file that cannot be parsed is replaced, as a device without the API could
  /// not be repaired remotely.
  ///
  /// - Parameters:
  ///   - folder: A folder of the daemon's user, on the data partition.
  ///   - name: The subject of the certificate. No client compares it.
  /// - Throws: An error if the certificate cannot be made or written.
  public init(in folder: String, name: String) throws {
    let path = "\(folder)/\(Self.fileName)"
    if let kept = try? FileTree.read(path, limit: Self.sizeLimit), let pair = try? Self(pem: kept, isNew: false) {
      self = pair
      return
    }
    let pem = try Self.make(name: name)
    self = try Self(pem: pem, isNew: true)
    try FileTree.replace(path, with: pem, mode: 0o600)
  }

  /// Returns the fingerprint of the certificate in a folder, or `nil` if there is none.
  public static func fingerprint(in folder: String) -> Hashing.Digest? {
    let pem = try? FileTree.read("\(folder)/\(fileName)", limit: sizeLimit)
    return pem.flatMap { try? Self(pem: $0, isNew: false).fingerprint }
  }

  private init(pem: [UInt8], isNew: Bool) throws {
    let certificates = try NIOSSLCertificate.fromPEMBytes(pem)
    guard let first = certificates.first else { throw NIOSSLError.failedToLoadCertificate }
    certificate = first
    privateKey = try NIOSSLPrivateKey(bytes: pem, format: .pem)
    fingerprint = Hashing.Digest(of: try first.toDERBytes())
    self.isNew = isNew
  }

  private static func make(name: String) throws -> [UInt8] {
    let key = P256.Signing.PrivateKey()
    let subject = try DistinguishedName { CommonName(name) }
    let certificate = try Certificate(
      version: .v3, serialNumber: Certificate.SerialNumber(), publicKey: .init(key.publicKey),
      // From before any device clock to the date that means "no expiry" (RFC 5280, section 4.1.2.5).
      notValidBefore: Date(timeIntervalSince1970: 0), notValidAfter: Date(timeIntervalSince1970: 253_402_300_799),
      issuer: subject, subject: subject, signatureAlgorithm: .ecdsaWithSHA256,
      extensions: try Certificate.Extensions {
        Critical(BasicConstraints.notCertificateAuthority)
        Critical(KeyUsage(digitalSignature: true))
        try ExtendedKeyUsage([.serverAuth])
      }, issuerPrivateKey: .init(key))
    return Array((try certificate.serializeAsPEM().pemString + "\n" + key.pemRepresentation + "\n").utf8)
  }
}
