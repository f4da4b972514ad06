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
      case .truncated, .altered, .malformed: "copy or fetch the bundle again"
      case .noBase(let image):
        "give the old image with --base \(image)=FILE, or a bundle of the old release with --from"
      case .otherBase: "give the image that the bundle was made from; `cultivar bundle show` tells its tree"
      default: nil
      }
    self.init(place, reason: failure.description, remedy: remedy)
  }

  init(_ failure: DownloadFailure) {
    problem = failure.description
    remedy =
      switch failure {
      case .untrusted: "name who vouches for the server with --server-authorities or --server-certificate"
      case .status(401, _), .status(403, _): "name a file with credentials with --server-authorization"
      case .changed: "try again: the file is another one now"
      default: nil
      }
  }
}
