import Bundle
import HTTPClient
import BundleDownload
import FoundationEssentials

/// The location of a bundle.
public enum BundlePlace: Sendable, CustomStringConvertible {
  case file(URL)
  case web(WebAddress, DownloadOptions)

  /// Path or URL. A URL is without its query.
  public var description: String {
    switch self {
    case .file(let file): file.path
    case .web(let address, _): address.withoutQuery
    }
  }

  /// Opens the bundle.
  ///
  /// - Throws: `SystemError`.
  func source() throws -> any BundleSource {
    switch self {
    case .file(let file): try FileSource(file.path)
    case .web(let address, let options): HTTPBundleSource(address, options)
    }
  }
}
