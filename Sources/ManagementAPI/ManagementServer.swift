import DeviceModel
import NIOCore
import NIOHTTP1
import NIOPosix

/// The HTTP/1.1 server of the management API.
public final class ManagementServer: Sendable {
  /// Bounds on what one client can cost.
  public struct Limits: Sendable {
    /// Connections at a time; more are closed at once.
    public var connections = 64
    /// Bytes of a request's body.
    public var bodyBytes = 1 << 20
    /// Seconds without any byte after which a connection is closed.
    public var idleSeconds: Int64 = 30

    /// The usual limits.
    public init() {}
  }

  private let group: MultiThreadedEventLoopGroup
  private let channels: [any Channel]

  /// Begins to listen.
  ///
  /// - Parameters:
  ///   - plan: addresses and port; port 0 for any that is free.
  ///   - router: who answers.
  ///   - limits: bounds on what one client can cost.
  /// - Throws: where an address cannot be listened on.
  public init(_ plan: ManagementPlan, router: Router, limits: Limits = Limits()) throws {
    let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
    let admission = Admission(limit: limits.connections)
    let bootstrap = ServerBootstrap(group: group)
      .serverChannelOption(.backlog, value: 64)
      .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
      .childChannelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          guard admission.admit(channel) else { throw Admission.Refused() }
          let pipeline = channel.pipeline.syncOperations
          try pipeline.addHandler(IdleStateHandler(readTimeout: .seconds(limits.idleSeconds)))
          try pipeline.configureHTTPServerPipeline(withPipeliningAssistance: true, withErrorHandling: true)
          try pipeline.addHandler(RequestHandler(router: router, limits: limits))
        }
      }
      .childChannelOption(.maxMessagesPerRead, value: 4)
    self.group = group
    channels = try plan.addresses.map { address in
      // Listening on :: must not take 0.0.0.0 with it, which may be in the list as well.
      let isIPv6 = address.contains(":")
      let only6 = ChannelOptions.Types.SocketOption(level: .ipv6, name: .ipv6_v6only)
      let options = isIPv6 ? bootstrap.serverChannelOption(only6, value: 1) : bootstrap
      // A numeric address: a name would need the resolver, which a static executable does not have.
      return try options.bind(to: SocketAddress(ipAddress: address, port: plan.port)).wait()
    }
  }

  /// The port of the first address.
  public var port: Int? { channels.first?.localAddress?.port }

  /// Waits for as long as the server listens.
  public func wait() throws {
    for channel in channels { try channel.closeFuture.wait() }
  }

  /// Stops listening and ends all connections.
  public func stop() throws {
    try group.syncShutdownGracefully()
  }
}
