import DeviceModel
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL

/// The server of the management API: HTTP/1.1 over TLS, for those who have the token.
public final class ManagementServer: Sendable {
  /// Bounds on what one client can cost.
  public struct Limits: Sendable {
    /// Connections at a time. For another one the oldest without a token makes room; where all have shown one, it is closed at once.
    public var connections = 64
    /// Connections at a time from one address.
    public var connectionsPerAddress = 32
    /// Connections at a time from one address that have not shown the token yet.
    public var strangersPerAddress = 8
    /// Seconds within which a connection has to show the token, with the first whole head of a request.
    public var authenticationSeconds: Int64 = 5
    /// Bytes of a request's body, where it is collected.
    public var bodyBytes = 1 << 20
    /// Seconds that a client may take for the head of a request, for each part of its body, and to take an event.
    public var idleSeconds: Int64 = 30
    /// Time until a wrong token is answered.
    public var pauseAfterWrongToken = TimeAmount.seconds(1)

    /// The usual limits.
    public init() {}
  }

  /// One thread moves the bytes of all connections; it lives as long as the process, as work on other threads hands its results to it.
  private static let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)

  private let admission: Admission
  private let channels: [any Channel]

  /// Begins to listen.
  ///
  /// - Parameters:
  ///   - plan: addresses and port; port 0 for any that is free.
  ///   - certificate: proves who the device is.
  ///   - gate: lets clients in.
  ///   - router: who answers.
  ///   - limits: bounds on what one client can cost.
  /// - Throws: where an address cannot be listened on.
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
      // Listening on :: must not take 0.0.0.0 with it, which may be in the list as well.
      let isIPv6 = address.contains(":")
      let only6 = ChannelOptions.Types.SocketOption(level: .ipv6, name: .ipv6_v6only)
      let options = isIPv6 ? bootstrap.serverChannelOption(only6, value: 1) : bootstrap
      // A numeric address: a name would need the resolver, which a static executable does not have.
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

  /// Waits for as long as the server listens.
  public func wait() throws {
    for channel in channels { try channel.closeFuture.wait() }
  }

  /// Stops listening and ends all connections.
  public func stop() throws {
    for channel in channels { try channel.close().wait() }
    try admission.closeAll()
  }
}
