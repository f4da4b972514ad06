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
    case .untrusted(let host, let reason): "'\(host)' did not prove who it is: \(reason)"
    case .certificates(let path, let reason): "cannot use the certificates of \(path): \(reason)"
    case .status(let status, let address): "the server answers \(address) with status \(status)"
    case .comeAgain(let seconds, let address):
      "the server has no time for \(address), and asks to come again in \(seconds) seconds"
    case .changed(let address): "\(address) was replaced by another file while it was fetched"
    case .tooLong(let address, let limit): "\(address) has more than \(limit) bytes"
    case .tooManyRedirects(let address):
      "\(address) leads from one place to another, more than \(HTTPBundleSource.mostRedirects) times"
    case .badRedirect(let address, let reason): "\(address) leads to another place, and \(reason)"
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
