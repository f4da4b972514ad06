import DeviceFixtures
import Foundation
import TestFixtures

/// One exchange with a server on this machine through OpenSSL's client. Sends bytes and reads until the server closes
/// the connection.
struct Exchange {
  let text: String
  /// The client's output about the connection.
  let connection: String

  init(port: Int, _ request: String, _ options: [String] = ["-quiet"]) throws {
    let folder = try TemporaryFolder()
    let input = try URL(fileURLWithPath: folder.path).writing(request, to: "request")
    let verdict = try Judge("timeout").run(
      ["20", "openssl", "s_client", "-connect", "127.0.0.1:\(port)", "-ign_eof"] + options, input: input)
    text = verdict.output
    connection = verdict.errors
  }

  /// Returns a request with the token, by default the last one on its connection.
  static func request(_ line: String, fields: [String] = [], closing: Bool = true, body: String = "") -> String {
    let all =
      ["Host: d", "Authorization: Bearer \(LoopbackDevice.token)"] + fields + (closing ? ["Connection: close"] : [])
    return "\(line) HTTP/1.1\r\n" + all.map { $0 + "\r\n" }.joined() + "\r\n" + body
  }

  /// The status code of the first answer.
  var status: Int? { text.split(separator: " ").dropFirst().first.flatMap { Int($0) } }
}

/// One request by curl.
struct Curl {
  /// The status code, or 0 without an answer.
  let status: Int
  let body: String
  let exit: Int32

  init(_ device: LoopbackDevice, _ path: String, _ options: [String] = [], token: String? = LoopbackDevice.token) throws
  {
    let verdict = try Judge("curl").run(
      ["--silent", "--insecure", "--max-time", "20", "--write-out", "\n%{http_code}"]
        + (token.map { ["-H", "Authorization: Bearer \($0)"] } ?? [])
        + options + ["https://127.0.0.1:\(device.port)\(path)"])
    let lines = verdict.output.split(separator: "\n", omittingEmptySubsequences: false)
    status = lines.last.flatMap { Int($0) } ?? 0
    body = lines.dropLast().joined(separator: "\n")
    exit = verdict.status
  }
}
