import DeviceHardware
import DeviceInit
import DeviceModel
import Glibc
import LinuxSystem

/// Handles the devices that are present at the start or added later: modules, addresses, buttons, and a watchdog.
final class Hardware {
  private let plan: DevicePlan
  private let system: RunningSystem
  private let loop: EventLoop
  private let modules: HardwareModules
  private var events: DeviceEvents?
  private var watchdog: Watchdog?

  /// Seconds after which a watchdog that is not fed resets the machine.
  private static let watchdogTimeout = 30

  /// Called when the power button is pressed.
  var powerButtonPressed: () -> Void = {}

  /// Called if the watchdog reports that it reset the machine.
  var watchdogHadReset: () -> Void = {}

  init(plan: DevicePlan, system: RunningSystem, loop: EventLoop, note: @escaping (String) -> Void) {
    self.plan = plan
    self.system = system
    self.loop = loop
    modules = HardwareModules(note: note)
  }

  /// Loads modules, sets addresses, and begins to watch for new devices.
  func start() throws {
    let events = try DeviceEvents()
    self.events = events
    try loop.watch(events.descriptor) { [weak self] in
      while let event = events.next() { self?.handle(event) }
    }
    for module in plan.modules { modules.load(named: module) }
    modules.loadForPresentHardware()
    armWatchdog()
    system.configure(plan.interfaces)
    if !plan.nameServers.isEmpty {
      try ResolverConfiguration().set("~image", to: ResolverConfiguration.Entry(nameServers: plan.nameServers))
    }
    for name in FileTree.names(in: "/dev/input") where name.hasPrefix("event") { watchButton("/dev/input/\(name)") }
  }

  private func handle(_ event: DeviceEvents.Event) {
    modules.handle(event)
    guard event.action == "add" else { return }
    switch event.fields["SUBSYSTEM"] {
    case "watchdog": armWatchdog()
    case "net": system.configure(plan.interfaces)
    case "input":
      if let name = event.fields["DEVNAME"], name.hasPrefix("input/event") { watchButton("/dev/\(name)") }
    default: break
    }
  }

  /// Arms the first watchdog of the machine once its driver is loaded. From then on the loop has to keep running.
  private func armWatchdog() {
    guard watchdog == nil else { return }
    watchdog = Watchdog(timeout: Self.watchdogTimeout)
    feedWatchdog()
    if watchdog?.hasReset == true { watchdogHadReset() }
  }

  private func feedWatchdog() {
    guard let watchdog else { return }
    watchdog.feed()
    loop.after(Self.watchdogTimeout * 1000 / 3) { [weak self] in self?.feedWatchdog() }
  }

  /// Disarms the watchdog, so that it does not reset a machine that is switched off.
  func disarmWatchdog() {
    watchdog?.disarm()
    watchdog = nil
  }

  private var buttons: Set<String> = []

  private func watchButton(_ path: String) {
    guard !buttons.contains(path), let button = PowerButton(path) else { return }
    do {
      try loop.watch(button.descriptor) { [weak self] in
        guard let self else { return }
        switch button.takePresses() {
        case true?: self.powerButtonPressed()
        case false?: break
        case nil:
          self.loop.forget(button.descriptor)
          self.buttons.remove(path)
        }
      }
      buttons.insert(path)
    } catch {
      // A button that cannot be watched has no effect.
      return
    }
  }
}
