/// An error of a download. Temporary problems have been retried before it is thrown.
public enum DownloadFailure: Error, Equatable, Sendable {
  /// The server's certificate is not trusted.
  case untrusted(host: String, reason: String)
  /// A file with certificates cannot be read or parsed.
  case certificates(path: String, reason: String)
  /// The server refused the request with this status.
  case status(UInt, address: String)
  /// The server asks for a longer pause than ``DownloadOptions/Patience/longestAskedPause``; in seconds.
  case comeAgain(after: Int, address: String)
  /// The file was replaced during the download.
  case changed(address: String)
  /// The file has more bytes than the limit.
  case tooLong(address: String, limit: Int)
  /// The address has more redirects than allowed.
  case tooManyRedirects(address: String)
  /// The address redirects to an address that must not be followed.
  case badRedirect(address: String, reason: String)
  /// The download failed after this number of attempts, the last time for this reason.
  case gaveUp(address: String, attempts: Int, reason: String)
}

extension DownloadFailure: CustomStringConvertible {
  /// The failure in a sentence, without a full stop.
  public var description: String {
    switch self {
    case .untrusted(let host, let reason): "cannot verify the server '\(host)': \(reason)"
    case .certificates(let path, let reason): "cannot use the certificates in \(path): \(reason)"
    case .status(let status, let address): "the server returned status \(status) for \(address)"
    case .comeAgain(let seconds, let address):
      "the server cannot send \(address) now, and asks to retry in \(seconds) seconds"
    case .changed(let address): "\(address) changed during the download"
    case .tooLong(let address, let limit): "\(address) has more than \(limit) bytes"
    case .tooManyRedirects(let address):
      "\(address) redirects more than \(HTTPBundleSource.mostRedirects) times"
    case .badRedirect(let address, let reason): "cannot follow the redirect of \(address): the new address \(reason)"
    case .gaveUp(let address, let attempts, let reason): "cannot fetch \(address), tried \(attempts) times: \(reason)"
    }
  }
}

/// A problem that the next attempt may not have.
struct Obstacle: Error {
  /// The reason, as a part of a sentence.
  var reason: String
  /// Seconds that the server asks the client to wait.
  var wait: Int?

  init(_ reason: String, wait: Int? = nil) { (self.reason, self.wait) = (reason, wait) }
}
