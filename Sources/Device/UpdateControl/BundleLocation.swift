import Bundle
import BundleDownload
import DeviceModel
import Glibc
import HTTPClient
import Hashing
import LinuxSystem

/// The location of a bundle to install.
public enum BundleLocation: Sendable {
  /// The reason why a text is not a location.
  public struct Malformed: Error, Equatable, CustomStringConvertible {
    /// The reason as a sentence.
    public let description: String
  }

  case file(String)
  case standardInput
  /// A URL.
  case web(WebAddress, DownloadOptions)

  /// Parses a path, a URL, or `-`.
  ///
  /// - Parameter serverCertificate: The SHA-256 of the web server's certificate, in hexadecimal; `nil` if a certificate
  ///   authority has signed it.
  public init(_ text: String, serverCertificate: String? = nil) throws(Malformed) {
    guard WebAddress.isOne(text) else {
      guard serverCertificate == nil else { throw Malformed(description: "only a URL can have a server certificate") }
      self = text == "-" ? .standardInput : .file(text)
      return
    }
    var options = DownloadOptions()
    if let serverCertificate {
      guard let fingerprint = Digest(fingerprint: serverCertificate) else {
        throw Malformed(description: "the SHA-256 of a certificate must have 64 hexadecimal digits")
      }
      options.trust = .certificate(fingerprint)
    }
    do throws(WebAddress.Malformed) {
      self = .web(try WebAddress(text), options)
    } catch {
      throw Malformed(description: "“\(text)” \(error.reason)")
    }
  }

  /// Opens the bundle for an engine in this process.
  public func source() throws(SystemError) -> any BundleSource {
    if case .web(let address, let options) = self { return HTTPBundleSource(address, options) }
    let file = try open()
    return Self.isFile(file) ? FileSource(file) : StreamSource(file)
  }

  /// Opens the bundle for the updater. If it is on a web server, this process fetches the ranges that the updater
  /// requests.
  public func forUpdater() throws(SystemError) -> (kind: UpdateRequest.Source, descriptor: Descriptor) {
    if case .web(let address, let options) = self {
      return (.ranges, try RangeService.start { HTTPBundleSource(address, options) })
    }
    let file = try open()
    return (Self.isFile(file) ? .file : .stream, file)
  }

  private func open() throws(SystemError) -> Descriptor {
    if case .file(let path) = self { return try Descriptor(opening: path, O_RDONLY) }
    return Descriptor.standardInput
  }

  private static func isFile(_ descriptor: Descriptor) -> Bool { lseek(descriptor.number, 0, SEEK_CUR) >= 0 }
}
