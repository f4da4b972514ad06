import Foundation
import HostSystem
import TestFixtures
import Testing

@testable import Sandbox

@Suite("The sandbox on a terminal", .enabled(if: Bench.canMount, "mounting needs root, or subordinate ids"))
struct TerminalTests {
  /// Starts a session on a new terminal of 20 lines and 70 columns, and plays a dialogue with it. Reports the session's
  /// end, and if the terminal's settings were restored.
  private static let player = """
    import fcntl, json, os, select, signal, struct, sys, termios, time
    program, arguments, environment, dialogue = json.load(sys.stdin)
    outer, inner = os.openpty()
    def resize(rows, columns): fcntl.ioctl(outer, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
    resize(20, 70)
    before = termios.tcgetattr(inner)
    child = os.fork()
    if child == 0:
        os.setsid()
        fcntl.ioctl(inner, termios.TIOCSCTTY, 0)
        for stream in (0, 1, 2): os.dup2(inner, stream)
        os.execve(program, [program] + arguments, environment)
    seen = b""
    def wait(word):
        global seen
        end = time.time() + 30
        while word.encode() not in seen:
            if time.time() > end or not select.select([outer], [], [], 1)[0]:
                if time.time() > end: sys.exit("no " + word + " in " + repr(seen))
                continue
            seen += os.read(outer, 4096)
        seen = seen.split(word.encode(), 1)[1]
    for verb, value in dialogue:
        if verb == "see": wait(value)
        elif verb == "type":
            # The output has to be read meanwhile, as a terminal does.
            rest = value.encode()
            while rest:
                readable, writable, _ = select.select([outer], [outer], [], 30)
                if readable: seen += os.read(outer, 4096)
                if writable: rest = rest[os.write(outer, rest[:256]):]
        elif verb == "resize": resize(*value)
        elif verb == "end": os.kill(child, getattr(signal, value))
        elif verb == "raw":
            if termios.tcgetattr(inner)[3] & (termios.ECHO | termios.ICANON | termios.ISIG): sys.exit("not raw")
    end = time.time() + 30
    while True:
        pid, status = os.waitpid(child, os.WNOHANG)
        if pid: break
        if time.time() > end: sys.exit("it does not end: " + repr(seen))
        if select.select([outer], [], [], 0.1)[0]: os.read(outer, 4096)
    print(os.waitstatus_to_exitcode(status), "restored" if termios.tcgetattr(inner) == before else "not restored")
    """

  /// Plays a dialogue and returns its end.
  private func play(_ script: String, _ dialogue: [[Any]], isTerminal: Bool = true) async throws -> String {
    var said = ""
    try await Bench.with { bench in
      let session = try bench.box.session(
        ["sh", "-c", script], root: .view(lower: [try bench.system()]), isOnTerminal: isTerminal)
      let input = try JSONSerialization.data(
        withJSONObject: [session.program, session.arguments, session.environment, dialogue])
      said = try await HostCommand(
        file: "/usr/bin/python3", ["-c", Self.player], to: "play a terminal", input: .bytes(Array(input))
      ).run()
    }
    return said
  }

  @Test("A session has its own terminal with the size of the caller's, and receives every key")
  func session() async throws {
    let script = """
      echo "at $(busybox tty) of $(busybox stty size)"; read word
      echo "$word at $(busybox stty size)"
      trap 'echo interrupted; exit 7' INT; echo waiting; sleep 1000 & wait
      """
    let end = try await play(
      script,
      [
        ["see", "at /dev/pts/0 of 20 70"], ["raw", ""], ["resize", [33, 99]], ["type", "hello\r"],
        ["see", "hello at 33 99"],
        ["see", "waiting"], ["type", "\u{3}"], ["see", "interrupted"],
      ])
    #expect(end == "7 restored\n")
  }

  @Test("The caller's terminal settings are restored, however a session ends", arguments: ["SIGTERM", "SIGHUP"])
  func restored(signal: String) async throws {
    let end = try await play("echo waiting; sleep 1000", [["see", "waiting"], ["raw", ""], ["end", signal]])
    #expect(end == "\(signal == "SIGTERM" ? 143 : 129) restored\n")
  }

  @Test("The terminal is restored when a program is killed by a signal")
  func killed() async throws {
    #expect(try await play("echo waiting; kill -9 $$", [["see", "waiting"]]) == "137 restored\n")
  }

  @Test("Simultaneous long input and output arrive unchanged")
  func muchText() async throws {
    let text = String(repeating: "0123456789", count: 300) + "\r"
    let dialogue: [[Any]] =
      [["see", "ready"]] + (0..<20).map { _ in ["type", text] } + [["type", "end\r"], ["see", "20 lines"]]
    let script = """
      busybox stty -echo; echo ready; count=0
      while read line; do
        test "$line" != end || break
        test ${#line} = 3000 || exit 3
        echo "$line"; count=$((count + 1))
      done
      echo "$count lines"
      """
    #expect(try await play(script, dialogue) == "0 restored\n")
  }

  @Test("Without a terminal, a session uses the caller's standard input and output")
  func pipes() async throws {
    try await Bench.with { bench in
      let session = try bench.box.session(
        ["sh", "-c", "busybox tty; cat"], root: .view(lower: [try bench.system()]), isOnTerminal: false)
      let output = try await HostCommand(
        file: "/bin/sh", ["-c", "\"$@\" || true", "sh", session.program] + session.arguments, to: "run a session",
        environment: session.environment, input: .bytes(Array("typed".utf8))
      ).run()
      #expect(output == "not a tty\ntyped")
    }
  }
}
