/// Projects shared by the boot tests.
enum Appliances {
  /// Returns a program that runs busybox's shell.
  static func shell(_ name: String, _ script: String, _ rest: String = "") -> String {
    """
      - debian: { packages: [busybox-static], executable: /usr/bin/busybox }
        name: \(name)
        arguments: [sh, -c, '\(script.replacing("'", with: "''"))']
    \(rest.split(separator: "\n").map { "    \($0)" }.joined(separator: "\n"))
    """
  }

  /// A web server that counts its starts in its home.
  static let web = shell(
    "web",
    "n=$(cat count 2>/dev/null || echo 0); echo $((n + 1)) > count.new && sync && mv count.new count; "
      + "exec busybox httpd -f -p 8080 -h /data/home/web")

  /// The SHA-256 of the machines' management token (`boot-tests`).
  static let managementTokenHash = "6fa39a35568c9b231a80c450fde8583e5ad473911e1490d03bdbdfc35981601b"

  /// Only the web server, with commands on the console.
  static let plain = """
    layout: appliance-ab
    programs:
    \(web)
    clock: none
    management: { port: 8081, tokenHash: \(managementTokenHash) }
    console: { commands: true }
    """

  /// Returns the web server with another root file system.
  static func plain(root: String) -> String {
    plain.replacing("layout: appliance-ab", with: "layout: { use: appliance-ab, root: \(root) }")
  }

  /// Programs that misbehave in different ways.
  static let zoo = """
    layout: appliance-ab
    programs:
    \(web)
    \(shell("stubborn", "trap '' TERM; echo ready; while :; do sleep 1; done", "stop: { grace: 2s }"))
    \(shell("bomb", "f() { f | f & }; sleep 3; f; sleep 600", "limits: { processes: 16 }\nrestart: never"))
    \(shell("crasher", "echo about to fail; exit 3"))
      - debian: { packages: [dash], executable: /usr/bin/dash }
        name: oneshot
        arguments: [-c, echo done once]
        restart: never
      - executable: ./script
        arguments: [the zoo]
        restart: never
    \(shell("failing-once", "exit 1", "restart: never"))
    \(shell("rights", "grep -E 'NoNewPrivs|CapEff|CapBnd' /proc/self/status; id -u; touch /tmp/x && ls /tmp; echo $HOME; touch /root/x || echo root is closed; sleep 8; cat /sys/class/watchdog/watchdog0/state; sleep 600"))
    \(shell("rooted", "echo has $(ls /dev); true > /dev/vda || echo disks are closed; echo x > /proc/sys/kernel/core_pattern || echo settings are closed; true >> /proc/irq/default_smp_affinity || echo hardware is closed; echo x >> /run/cultivar/boot.json || touch /run/cultivar/dev/mine || rm /run/cultivar/dev/null || echo records are closed; mkdir /sys/fs/cgroup/mine || echo groups are closed; mknod /tmp/disk b 254 0 || echo no nodes; touch /dev/shm/mine /var/tmp/mine && ls /dev/shm /var/tmp; echo restricts $(cat /proc/sys/kernel/kptr_restrict /proc/sys/user/max_user_namespaces); cat /proc/sys/kernel/core_pattern; sleep 600", "user: root"))
    \(shell("low-port", "exec busybox httpd -f -p 80 -h /data/home/low-port", "capabilities: [net_bind_service]"))
    \(shell("no-low-port", "exec busybox httpd -f -p 81 -h /data/home/no-low-port"))
    \(shell("late", "echo came", "waitFor: [{ path: /data/home/web/count }, { program: web }]\nrestart: never"))
    \(shell("hog", "a=x; while :; do a=$a$a; done", "limits: { memory: 16M }\nrestart: never"))
    \(shell("kept", "echo kept line; sleep 600", "log: { files: { size: 64K, keep: 2 } }"))
    clock: none
    console: { commands: true }
    """

  /// The script of the zoo. Its shell is that of the program `oneshot`.
  static let zooScripts = ["script": "#!/bin/sh -e\necho \"$0 in $1, as $USER\"\nexit 7\n"]

  /// The web server, and a program that lets the kernel freeze PID 1 once; no signal could stop PID 1. Only the
  /// kernel's log can show it afterwards, as output goes to PID 1.
  static let frozen = """
    layout: appliance-ab
    programs:
    \(web)
    \(shell("ice", "[ -e used ] && exit; touch used; sync; mkdir $G && echo 1 > $G/cgroup.procs && echo 1 > $G/cgroup.freeze; sleep 1; echo \"<2>ice: $(grep frozen $G/cgroup.events)\" > /dev/kmsg", "user: root\ncapabilities: [sys_admin]\nenv: { G: /sys/fs/cgroup/programs/frozen }\nwaitFor: [{ path: /data/home/web/count }, { program: web }]\nrestart: never"))
    clock: none
    management: { port: 8081, tokenHash: \(managementTokenHash) }
    """

  /// Returns an image with one program, which is PID 1 itself.
  static func ownInit(_ script: String) -> String {
    """
    layout: appliance-ab
    programs:
    \(shell("own", script, "init: true"))
    network: none
    clock: none
    """
  }
}
