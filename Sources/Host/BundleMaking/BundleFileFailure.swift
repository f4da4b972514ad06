import Bundle
import BundleDownload
import HostSystem

/// An error for a bundle that cannot be used.
public struct BundleFileFailure: ExplainedError {
  public let problem: String
  public let remedy: String?

  init(_ place: BundlePlace, reason: String, remedy: String?) {
    (problem, self.remedy) = ("\(place): \(reason)", remedy)
  }

  init(_ place: BundlePlace, _ failure: BundleFailure) {
    let remedy: String? =
      switch failure {
      case .notABundle: "give a file that `cultivar build` or `cultivar bundle` wrote"
      case .unknownFormat: "use a newer version of Cultivar"
      case .truncated, .altered, .malformed: "copy or download the bundle again"
      case .noBase(let image):
        "give the old image with --base \(image)=FILE, or a bundle of the old release with --from"
      case .otherBase: "give the image that the bundle was made from; `cultivar bundle show` shows its tree"
      default: nil
      }
    self.init(place, reason: failure.description, remedy: remedy)
  }

  init(_ failure: DownloadFailure) {
    problem = failure.description
    remedy =
      switch failure {
      case .untrusted: "trust the server's certificate with --server-authorities or --server-certificate"
      case .status(401, _), .status(403, _): "give a file with credentials with --server-authorization"
      case .changed: "try again: the file on the server has changed"
      default: nil
      }
  }
}
