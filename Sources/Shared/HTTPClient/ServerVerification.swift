import DeviceModel
import Glibc
import Hashing
import NIOCore
import NIOSSL
import Synchronization

/// The certificates that are accepted for TLS.
public enum ServerTrust: Equatable, Sendable {
  /// Certificates signed by an authority in a PEM file; ``systemFile`` is the system's own.
  case authorities(file: String)
  /// Exactly the certificate with this SHA-256, without a CA, and regardless of its names and dates.
  case certificate(Digest)
  /// No certificate. The connection fails with ``HTTPFailure/untrusted(reason:found:)``, which has the server's.
  case none

  /// The file with the public certificate authorities on Linux systems.
  public static let systemFile = "/etc/ssl/certs/ca-certificates.crt"
}

/// The client side of TLS, with the verification of the server's certificate.
public struct ServerVerification: Sendable {
  /// A file with certificates cannot be read or parsed.
  public struct UnreadableCertificates: Error, Equatable, Sendable {
    public var path: String
    public var reason: String
  }

  private let context: NIOSSLContext
  private let trust: ServerTrust

  /// Reads the trusted certificates.
  public init(_ trust: ServerTrust) throws(UnreadableCertificates) {
    var configuration = TLSConfiguration.makeClientConfiguration()
    configuration.minimumTLSVersion = .tlsv12
    configuration.applicationProtocols = ["http/1.1"]
    // A response is complete before its connection is closed. The client does not wait for a server that still sends.
    configuration.shutdownTimeout = .milliseconds(100)
    var path = ""
    switch trust {
    case .authorities(let file):
      path = file
      guard access(file, R_OK) == 0 else {
        throw UnreadableCertificates(path: file, reason: String(cString: strerror(errno)))
      }
      configuration.trustRoots = .file(file)
    case .certificate, .none:
      configuration.trustRoots = .certificates([])
      configuration.certificateVerification = .noHostnameVerification
    }
    self.trust = trust
    do { context = try NIOSSLContext(configuration: configuration) } catch {
      throw UnreadableCertificates(path: path, reason: "\(error)")
    }
  }

  /// Makes the TLS handler of a connection.
  func handler(for host: String, _ seen: SeenCertificate) throws -> NIOSSLClientHandler {
    // An IP address is not a server name (RFC 6066, section 3). The certificate is then compared with the connection's
    // address.
    let isAddress = (try? SocketAddress(ipAddress: host, port: 0)) != nil
    let name = isAddress ? nil : host
    if case .authorities = trust { return try NIOSSLClientHandler(context: context, serverHostname: name) }
    return try NIOSSLClientHandler(context: context, serverHostname: name) { [trust] certificates, promise in
      let found = certificates.first.flatMap { try? $0.toDERBytes() }.map { Digest(of: $0) }
      seen.fingerprint = found
      let isAccepted = if case .certificate(let known) = trust { found == known } else { false }
      promise.succeed(isAccepted ? .certificateVerified : .failed)
    }
  }

  /// The failure for a server that is not trusted; `nil` for any other error.
  func refusal(_ error: any Error, _ seen: SeenCertificate) -> HTTPFailure? {
    if let error = error as? NIOSSLExtraError, error == .failedToValidateHostname {
      return .untrusted(reason: "its certificate is for another name", found: nil)
    }
    guard case .handshakeFailed(let cause)? = error as? NIOSSLError, "\(cause)".contains("CERTIFICATE_VERIFY_FAILED")
    else { return nil }
    if case .authorities = trust {
      return .untrusted(reason: "its certificate is not trusted, or not valid at this time", found: nil)
    }
    return .untrusted(reason: "its certificate does not have the given SHA-256", found: seen.fingerprint)
  }
}

/// The certificate that a server presented in the handshake.
final class SeenCertificate: Sendable {
  private let stored = Mutex<Digest?>(nil)

  var fingerprint: Digest? {
    get { stored.withLock { $0 } }
    set { stored.withLock { $0 = newValue } }
  }
}
