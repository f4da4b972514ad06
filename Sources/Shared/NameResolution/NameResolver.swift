import Glibc
import LinuxSystem

/// Finds the addresses of hosts with `/etc/hosts` and the name servers of `/etc/resolv.conf`.
///
/// A static executable cannot use the C library's resolver, which loads shared libraries at run time.
public struct NameResolver: Sendable {
  /// An error of a name lookup.
  public enum Failure: Error, Equatable, Sendable {
    /// The text is not a valid host name.
    case notAName(String)
    /// The name does not exist, or has no address.
    case unknown(String)
    /// No name server is configured.
    case noServers(String, configuration: String)
    /// No name server answered; the reason is that of the last one.
    case noAnswer(String, reason: String)
  }

  private let hosts: String
  private let configuration: String
  private let port: UInt16
  private let timeout: Int

  /// Number of rounds through all servers, and maximum number of servers and search domains (as in the C library).
  private static let (rounds, mostServers, mostDomains) = (2, 3, 6)

  /// Makes a resolver. It reads its files for each lookup, because name servers change with the network.
  ///
  /// - Parameters:
  ///   - hosts: Path of a file in the format of `hosts(5)`.
  ///   - configuration: Path of a file in the format of `resolv.conf(5)`.
  ///   - port: Port of the name servers.
  ///   - timeout: Timeout for one server in milliseconds.
  public init(
    hosts: String = "/etc/hosts", configuration: String = "/etc/resolv.conf", port: UInt16 = 53, timeout: Int = 3000
  ) {
    (self.hosts, self.configuration, self.port, self.timeout) = (hosts, configuration, port, timeout)
  }

  /// Finds the addresses of a host, IPv4 before IPv6.
  ///
  /// - Parameter name: A host name, or a numeric address, which is returned unchanged.
  /// - Throws: ``Failure``.
  public func addresses(of name: String) throws(Failure) -> [String] {
    if NumericAddress.isOne(name) { return [name] }
    let known = addressesByFile(name)
    if !known.isEmpty { return known }
    let settings = readSettings()
    guard !settings.servers.isEmpty else { throw .noServers(name, configuration: configuration) }
    for candidate in Self.candidates(for: name, settings.domains) {
      let found = try ask(candidate, settings.servers)
      if !found.isEmpty { return found }
    }
    throw .unknown(name)
  }

  /// The full names to try for a name.
  private static func candidates(for name: String, _ domains: [String]) -> [String] {
    if name.hasSuffix(".") { return [String(name.dropLast())] }
    let longer = domains.map { "\(name).\($0)" }
    return name.contains(".") ? [name] + longer : longer + [name]
  }

  private func addressesByFile(_ name: String) -> [String] {
    let wanted = name.lowercased()
    return Self.lines(of: hosts).filter { $0.dropFirst().contains { $0.lowercased() == wanted } }
      .compactMap(\.first).filter(NumericAddress.isOne)
  }

  private func readSettings() -> (servers: [String], domains: [String]) {
    var (servers, domains): ([String], [String]) = ([], [])
    for words in Self.lines(of: configuration) {
      switch words[0] {
      case "nameserver": servers += words.dropFirst().prefix(1)
      case "search", "domain": domains = Array(words.dropFirst())
      default: break
      }
    }
    return (Array(servers.prefix(Self.mostServers)), Array(domains.prefix(Self.mostDomains)))
  }

  /// The lines of a file, split into words, without comments and empty lines; empty if the file does not exist.
  private static func lines(of path: String) -> [[String]] {
    let text = (try? FileTree.read(path)).map { String(decoding: $0, as: UTF8.self) } ?? ""
    return text.split(separator: "\n").compactMap { line in
      let words = line.prefix { $0 != "#" && $0 != ";" }.split { $0 == " " || $0 == "\t" || $0 == "\r" }.map(
        String.init)
      return words.isEmpty ? nil : words
    }
  }

  /// Asks the servers one after the other for both kinds of addresses.
  ///
  /// - Returns: The addresses; empty if the name does not exist.
  private func ask(_ name: String, _ servers: [String]) throws(Failure) -> [String] {
    var reason = ""
    for _ in 0..<Self.rounds {
      for server in servers {
        do throws(Obstacle) {
          return try ask(name, server)
        } catch {
          switch error {
          case .notAName: throw .notAName(name)
          case .server(let text): reason = "\(server): \(text)"
          }
        }
      }
    }
    throw .noAnswer(name, reason: reason)
  }

  /// The reason why a server gave no answer.
  private enum Obstacle: Error {
    case notAName
    case server(String)
  }

  private func ask(_ name: String, _ server: String) throws(Obstacle) -> [String] {
    var questions: [NameServerMessage] = []
    for kind in [NameServerMessage.Kind.ipv4, .ipv6] {
      // The random ID and the port chosen by the kernel make it hard to forge an answer.
      let random = (try? KernelRandom.bytes(2)) ?? [0, 0]
      guard let question = NameServerMessage(name, kind, id: UInt16(random[0]) << 8 | UInt16(random[1])) else {
        throw .notAName
      }
      questions.append(question)
    }
    do {
      var answers: [NameServerMessage.Answer?] = try exchange(questions, with: server)
      for (index, answer) in answers.enumerated() where answer == .truncated {
        answers[index] = try exchangeByStream(questions[index], with: server)
      }
      // A missing or refused answer for one kind of address does not invalidate the addresses of the other kind.
      let addresses = answers.flatMap { answer in if case .addresses(let found) = answer { found } else { [String]() } }
      guard addresses.isEmpty else { return addresses }
      for answer in answers {
        guard let answer else { throw Obstacle.server("no answer") }
        if case .refused(let code) = answer { throw Obstacle.server("it refuses with code \(code)") }
      }
      return []
    } catch let obstacle as Obstacle {
      throw obstacle
    } catch {
      throw .server("\(error)")
    }
  }

  /// Sends all questions over UDP and waits for the answers.
  private func exchange(
    _ questions: [NameServerMessage], with server: String
  ) throws -> [NameServerMessage.Answer?] {
    let socket = try InternetSocket.connect(.messages, to: server, port: port, timeout: timeout)
    for question in questions { try socket.write(all: question.bytes) }
    var answers = [NameServerMessage.Answer?](repeating: nil, count: questions.count)
    let start = EventLoop.now
    while answers.contains(nil), case let rest = timeout - Int(EventLoop.now - start), rest > 0 {
      guard socket.waitUntilReadable(timeout: rest), let message = try socket.read(atMost: 4096) else { continue }
      for (index, question) in questions.enumerated() where answers[index] == nil {
        answers[index] = question.answer(in: message)
      }
    }
    return answers
  }

  /// Asks over TCP, where a length precedes each message.
  private func exchangeByStream(
    _ question: NameServerMessage, with server: String
  ) throws -> NameServerMessage.Answer? {
    let socket = try InternetSocket.connect(.stream, to: server, port: port, timeout: timeout)
    try socket.write(all: [UInt8(question.bytes.count >> 8), UInt8(question.bytes.count & 255)] + question.bytes)
    var message: [UInt8] = []
    while message.count < 2 || message.count < 2 + Int(message[0]) << 8 + Int(message[1]) {
      guard let bytes = try socket.read(atMost: 4096), !bytes.isEmpty else { return nil }
      message += bytes
    }
    return question.answer(in: Array(message.dropFirst(2)))
  }
}

extension NameResolver.Failure: CustomStringConvertible {
  /// The failure in a sentence, without a full stop.
  public var description: String {
    switch self {
    case .notAName(let name): "'\(name)' is not a valid host name"
    case .unknown(let name): "the name servers have no address for '\(name)'"
    case .noServers(let name, let configuration): "cannot look up '\(name)': \(configuration) has no name server"
    case .noAnswer(let name, let reason): "cannot look up '\(name)': \(reason)"
    }
  }
}
