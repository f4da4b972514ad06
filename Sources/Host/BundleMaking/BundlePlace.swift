import Bundle
import BundleDownload
import FoundationEssentials

/// Where a bundle is.
public enum BundlePlace: Sendable, CustomStringConvertible {
  /// In a file.
  case file(URL)
  /// On a web server.
  case web(WebAddress, DownloadOptions)

  /// The place in words.
  public var description: String {
    switch self {
    case .file(let file): file.path
    case .web(let address, _): address.withoutQuery
    }
  }

  /// Opens it.
  ///
  /// - Throws: `SystemError`.
  func source() throws -> any BundleSource {
    switch self {
    case .file(let file): try FileSource(file.path)
    case .web(let address, let options): HTTPBundleSource(address, options)
    }
  }
}
