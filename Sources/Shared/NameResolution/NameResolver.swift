import Glibc
import LinuxSystem

/// Finds the addresses of hosts by `/etc/hosts` and the name servers of `/etc/resolv.conf`.
///
/// The C library's own resolver loads parts of itself as it runs, which a static executable cannot.
public struct NameResolver: Sendable {
  /// Why a name has no address.
  public enum Failure: Error, Equatable, Sendable {
    /// It cannot be the name of a host.
    case notAName(String)
    /// The name servers know no such name, or no address of it.
    case unknown(String)
    /// No name server is configured.
    case noServers(String, configuration: String)
    /// No name server answered: what the last one did.
    case noAnswer(String, reason: String)
  }

  private let hosts: String
  private let configuration: String
  private let port: UInt16
  private let timeout: Int

  /// How often all servers are asked, and most servers and search domains that are used (as the C library does).
  private static let (rounds, mostServers, mostDomains) = (2, 3, 6)

  /// Makes a resolver; it reads its files for each name, as name servers change with the network.
  ///
  /// - Parameters:
  ///   - hosts: names that need no server, see `hosts(5)`.
  ///   - configuration: servers and search domains, see `resolv.conf(5)`.
  ///   - port: of the name servers.
  ///   - timeout: milliseconds that one server is waited for.
  public init(
    hosts: String = "/etc/hosts", configuration: String = "/etc/resolv.conf", port: UInt16 = 53, timeout: Int = 3000
  ) {
    (self.hosts, self.configuration, self.port, self.timeout) = (hosts, configuration, port, timeout)
  }

  /// The addresses of a host, IPv4 before IPv6.
  ///
  /// - Parameter name: a name, or an address, which is its own.
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

  /// Full names that a name may stand for.
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

  /// Words of the lines of a file that is not there where it has none; without comments.
  private static func lines(of path: String) -> [[String]] {
    let text = (try? FileTree.read(path)).map { String(decoding: $0, as: UTF8.self) } ?? ""
    return text.split(separator: "\n").compactMap { line in
      let words = line.prefix { $0 != "#" && $0 != ";" }.split { $0 == " " || $0 == "\t" || $0 == "\r" }.map(
        String.init)
      return words.isEmpty ? nil : words
    }
  }

  /// Asks servers one after the other for both kinds of addresses.
  ///
  /// - Returns: none where there is no such name.
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

  /// Why one server did not answer.
  private enum Obstacle: Error {
    case notAName
    case server(String)
  }

  private func ask(_ name: String, _ server: String) throws(Obstacle) -> [String] {
    var questions: [NameServerMessage] = []
    for kind in [NameServerMessage.Kind.ipv4, .ipv6] {
      // A number that nobody else can guess, and a port that the kernel chooses.
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
      // A server that is silent about one kind of address, or refuses it, does not take away those of the other.
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

  /// Asks by messages, all at once, and waits for the answers to all.
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

  /// Asks by a stream, where a length stands before each message.
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
    case .notAName(let name): "'\(name)' cannot be the name of a host"
    case .unknown(let name): "the name servers know no address of '\(name)'"
    case .noServers(let name, let configuration): "cannot look for '\(name)': \(configuration) names no name server"
    case .noAnswer(let name, let reason): "cannot find '\(name)': \(reason)"
    }
  }
}
