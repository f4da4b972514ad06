import Crypto
import Glibc
import NIOCore
import NIOSSL

/// The client side of TLS, with the verification of the server's certificate.
struct ServerVerification: Sendable {
  private let context: NIOSSLContext
  private let fingerprint: [UInt8]?

  /// Reads the trusted certificates.
  ///
  /// - Throws: ``DownloadFailure/certificates(path:reason:)``.
  init(_ trust: DownloadOptions.Trust) throws(DownloadFailure) {
    var configuration = TLSConfiguration.makeClientConfiguration()
    configuration.minimumTLSVersion = .tlsv12
    configuration.applicationProtocols = ["http/1.1"]
    var path = ""
    switch trust {
    case .authorities(let file):
      path = file
      fingerprint = nil
      guard access(file, R_OK) == 0 else { throw .certificates(path: file, reason: String(cString: strerror(errno))) }
      configuration.trustRoots = .file(file)
    case .certificate(let digest):
      fingerprint = digest
      configuration.trustRoots = .certificates([])
      configuration.certificateVerification = .noHostnameVerification
    }
    do { context = try NIOSSLContext(configuration: configuration) } catch {
      throw .certificates(path: path, reason: "\(error)")
    }
  }

  /// Makes the TLS handler of a connection.
  func handler(for host: String) throws -> NIOSSLClientHandler {
    // An IP address is not a server name (RFC 6066, section 3). The certificate is then compared with the connection's
    // address.
    let isAddress = (try? SocketAddress(ipAddress: host, port: 0)) != nil
    let name = isAddress ? nil : host
    guard let fingerprint else { return try NIOSSLClientHandler(context: context, serverHostname: name) }
    return try NIOSSLClientHandler(context: context, serverHostname: name) { certificates, promise in
      let first = certificates.first.flatMap { try? $0.toDERBytes() } ?? []
      promise.succeed(Array(SHA256.hash(data: first)) == fingerprint ? .certificateVerified : .failed)
    }
  }

  /// The reason why a server is not trusted; `nil` for any other error.
  func refusal(_ error: any Error) -> String? {
    if let error = error as? NIOSSLExtraError, error == .failedToValidateHostname {
      return "its certificate is for another name"
    }
    guard case .handshakeFailed(let cause)? = error as? NIOSSLError, "\(cause)".contains("CERTIFICATE_VERIFY_FAILED")
    else {
      return nil
    }
    return fingerprint == nil
      ? "its certificate is not trusted, or not valid at this time" : "its certificate does not have the given SHA-256"
  }
}
