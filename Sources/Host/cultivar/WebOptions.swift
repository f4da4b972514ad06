import ArgumentParser
import BundleDownload
import BundleMaking
import DeviceModel
import FoundationEssentials
import HTTPClient
import Hashing
import HostNetwork
import HostSystem
import LinuxSystem

/// The options for fetching bundles from web servers.
struct WebOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp("PEM file with the CAs for web servers.", valueName: "file"))
  var serverAuthorities = ServerTrust.systemFile

  @Option(
    help: ArgumentHelp(
      "SHA-256 of the web server's certificate. Accepts exactly this certificate, without a CA.",
      valueName: "hexadecimal"))
  var serverCertificate: String?

  @Option(
    help: ArgumentHelp(
      "File with the value of the Authorization header, such as `Bearer TOKEN`. Sent only to the server in the URL.",
      valueName: "file"))
  var serverAuthorization: String?

  func validate() throws {
    if serverCertificate != nil, fingerprint == nil {
      throw ValidationError("--server-certificate must have 64 hexadecimal digits, with or without colons")
    }
  }

  private var fingerprint: Digest? { serverCertificate.flatMap(Digest.init(fingerprint:)) }

  private func options() throws -> DownloadOptions {
    let authorization = try serverAuthorization.map { path in
      String(decoding: try FolderTree.readFile(path), as: UTF8.self).trimmed
    }
    return DownloadOptions(
      trust: fingerprint.map { .certificate($0) } ?? .authorities(file: serverAuthorities),
      authorization: authorization, route: try HostNetwork().route)
  }

  /// Opens a bundle, given as a URL or a file.
  func bundle(at text: String) throws -> BundleFile { try BundleFile(at: place(text)) }

  /// Parses the location of a bundle: a URL or a file.
  func place(_ text: String) throws -> BundlePlace {
    guard WebAddress.isOne(text) else { return .file(URL(fileURLWithPath: text)) }
    let options = try options()
    do throws(WebAddress.Malformed) {
      return .web(try WebAddress(text), options)
    } catch {
      throw ValidationError("'\(text)' \(error.reason)")
    }
  }
}
