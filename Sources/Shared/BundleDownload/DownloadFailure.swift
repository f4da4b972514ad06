/// Why a bundle cannot be fetched from a web server. What may pass by itself was tried again before.
public enum DownloadFailure: Error, Equatable, Sendable {
  /// The server's certificate is not one that is trusted: host, and why.
  case untrusted(host: String, reason: String)
  /// A file with certificates cannot be used.
  case certificates(path: String, reason: String)
  /// The server refuses the file: status of its answer.
  case status(UInt, address: String)
  /// The server wants to be asked again, later than a source waits: after how many seconds.
  case comeAgain(after: Int, address: String)
  /// The file was another one in the middle.
  case changed(address: String)
  /// It has more bytes than may be.
  case tooLong(address: String, limit: Int)
  /// It leads from place to place.
  case tooManyRedirects(address: String)
  /// It leads where nobody should follow: why.
  case badRedirect(address: String, reason: String)
  /// Nothing helped: number of attempts, and what was wrong at last.
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

/// What is in the way for now: it may be gone at the next attempt.
struct Obstacle: Error {
  /// What it is, as a sentence's part.
  var reason: String
  /// Seconds that the server asks to wait.
  var wait: Int?

  init(_ reason: String, wait: Int? = nil) { (self.reason, self.wait) = (reason, wait) }
}
