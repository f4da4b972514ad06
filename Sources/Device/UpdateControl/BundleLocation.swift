import Bundle
import BundleDownload
import DeviceModel
import Glibc
import LinuxSystem

/// Where a bundle is that is to be installed.
public enum BundleLocation: Sendable {
  /// Why a text names no bundle.
  public struct Malformed: Error, Equatable, CustomStringConvertible {
    /// The sentence.
    public let description: String
  }

  /// A file.
  case file(String)
  /// What comes over standard input.
  case standardInput
  /// A web server.
  case web(WebAddress, DownloadOptions)

  /// Reads a path, a URL, or `-`.
  ///
  /// - Parameter serverCertificate: SHA-256 of the web server's certificate, in hexadecimal; `nil` where an authority vouches for it.
  public init(_ text: String, serverCertificate: String? = nil) throws(Malformed) {
    guard WebAddress.isOne(text) else {
      guard serverCertificate == nil else { throw Malformed(description: "only a URL has a server with a certificate") }
      self = text == "-" ? .standardInput : .file(text)
      return
    }
    var options = DownloadOptions()
    if let serverCertificate {
      guard let fingerprint = Fingerprint(hexadecimal: serverCertificate) else {
        throw Malformed(description: "the SHA-256 of a certificate has 64 hexadecimal digits")
      }
      options.trust = .certificate(fingerprint: fingerprint.bytes)
    }
    do throws(WebAddress.Malformed) {
      self = .web(try WebAddress(text), options)
    } catch {
      throw Malformed(description: "“\(text)” \(error.reason)")
    }
  }

  /// The bundle, for an engine in this process.
  public func source() throws(SystemError) -> any BundleSource {
    if case .web(let address, let options) = self { return HTTPBundleSource(address, options) }
    let file = try open()
    return Self.isFile(file) ? FileSource(file) : StreamSource(file)
  }

  /// What the updater gets. For a web server this process fetches what it asks for.
  public func forUpdater() throws(SystemError) -> (kind: UpdateRequest.Source, descriptor: Descriptor) {
    if case .web(let address, let options) = self {
      return (.ranges, try RangeService.start { HTTPBundleSource(address, options) })
    }
    let file = try open()
    return (Self.isFile(file) ? .file : .stream, file)
  }

  private func open() throws(SystemError) -> Descriptor {
    if case .file(let path) = self { return try Descriptor(opening: path, O_RDONLY) }
    return Descriptor(owning: dup(STDIN_FILENO))
  }

  private static func isFile(_ descriptor: Descriptor) -> Bool { lseek(descriptor.number, 0, SEEK_CUR) >= 0 }
}
