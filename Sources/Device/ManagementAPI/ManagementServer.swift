import DeviceModel
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL

/// The server of the management API: HTTP/1.1 over TLS, for clients that have the token.
public final class ManagementServer: Sendable {
  /// Bounds on the resources that one client can use.
  public struct Limits: Sendable {
    /// Maximum number of connections. A further one replaces the oldest without a token. If all have shown the token,
    /// it is closed at once.
    public var connections = 64
    /// Maximum number of connections from one address.
    public var connectionsPerAddress = 32
    /// Maximum number of connections from one address that have not shown the token yet.
    public var strangersPerAddress = 8
    /// Seconds within which a connection has to show the token, in the complete head of its first request.
    public var authenticationSeconds: Int64 = 5
    /// Maximum number of bytes of a request's body, if it is collected.
    public var bodyBytes = 1 << 20
    /// Maximum number of seconds to wait for the head of a request, for each part of its body, and for the client to
    /// accept an event.
    public var idleSeconds: Int64 = 30
    /// Delay of the answer to a wrong token.
    public var pauseAfterWrongToken = TimeAmount.seconds(1)

    public init() {}
  }

  /// One thread moves the bytes of all connections. It lives as long as the process, as work on other threads hands its
  /// results to it.
  private static let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)

  private let admission: Admission
  private let channels: [any Channel]

  /// Begins to listen.
  ///
  /// - Parameters:
  ///   - plan: The addresses and the port; port 0 for any free one.
  ///   - certificate: The certificate of the device.
  ///   - gate: Checks the token.
  ///   - router: The routes that answer requests.
  ///   - limits: Bounds on the resources that one client can use.
  /// - Throws: An error if it cannot listen on an address.
  public init(
    _ plan: ManagementPlan, certificate: DeviceCertificate, gate: TokenGate, router: Router, limits: Limits = Limits()
  ) throws {
    let tls = try Self.tls(certificate)
    let admission = Admission(
      limit: limits.connections, addressLimit: limits.connectionsPerAddress,
      strangerLimit: limits.strangersPerAddress)
    let bootstrap = ServerBootstrap(group: Self.group)
      .serverChannelOption(.backlog, value: 64)
      .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
      .childChannelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          guard admission.admit(channel) else { throw Admission.Refused() }
          let pipeline = channel.pipeline.syncOperations
          try pipeline.addHandler(NIOSSLServerHandler(context: tls))
          try pipeline.configureHTTPServerPipeline(withPipeliningAssistance: true, withErrorHandling: true)
          try pipeline.addHandler(RequestHandler(router: router, gate: gate, limits: limits, admission: admission))
        }
      }
      .childChannelOption(.maxMessagesPerRead, value: 4)
    self.admission = admission
    channels = try plan.addresses.map { address in
      // A socket on :: must not take 0.0.0.0 as well, as that may be in the list too.
      let isIPv6 = address.contains(":")
      let only6 = ChannelOptions.Types.SocketOption(level: .ipv6, name: .ipv6_v6only)
      let options = isIPv6 ? bootstrap.serverChannelOption(only6, value: 1) : bootstrap
      // A numeric address: a name would need the C library's resolver, which a static executable does not have.
      return try options.bind(to: SocketAddress(ipAddress: address, port: plan.port)).wait()
    }
  }

  private static func tls(_ certificate: DeviceCertificate) throws -> NIOSSLContext {
    var configuration = TLSConfiguration.makeServerConfiguration(
      certificateChain: [.certificate(certificate.certificate)], privateKey: .privateKey(certificate.privateKey))
    configuration.minimumTLSVersion = .tlsv12
    configuration.applicationProtocols = ["http/1.1"]
    return try NIOSSLContext(configuration: configuration)
  }

  /// The port of the first address.
  public var port: Int? { channels.first?.localAddress?.port }

  /// Waits until the server stops listening.
  public func wait() throws {
    for channel in channels { try channel.closeFuture.wait() }
  }

  /// Stops listening and ends all connections.
  public func stop() throws {
    for channel in channels { try channel.close().wait() }
    try admission.closeAll()
  }
}
