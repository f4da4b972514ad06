import Foundation

/// An independent reader of root files, written only from `docs/trust.md`. It checks signatures with OpenSSL.
enum RootJudge {
  /// Returns the content of a root file: `version thresholds`, then the key ID and the validity of each signature.
  static func read(_ file: String, in folder: URL) throws -> [String] {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/python3")
    process.arguments = ["-c", script, file]
    process.currentDirectoryURL = folder
    let output = folder.appending(path: ".judge")
    try Data().write(to: output)
    process.standardOutput = try FileHandle(forWritingTo: output)
    try process.run()
    process.waitUntilExit()
    defer { try? FileManager.default.removeItem(at: output) }
    return try String(contentsOf: output, encoding: .utf8).split(separator: "\n").map(String.init)
  }

  private static let script = #"""
    import hashlib, pathlib, struct, subprocess, sys, tempfile

    def fields(data):
        result, last = [], 0
        while data:
            tag, length = struct.unpack("<HI", data[:6])
            value = data[6:6 + length]
            assert len(value) == length and tag & 0x7fff >= last
            last = tag & 0x7fff
            result.append((tag, value))
            data = data[6 + length:]
        return result

    def number(data):
        data = data.lstrip(b"\0")
        data = b"\0" + data if not data or data[0] > 127 else data
        return bytes([2, len(data)]) + data

    def is_right(key, signature, statement):
        with tempfile.TemporaryDirectory() as folder:
            folder = pathlib.Path(folder)
            digest = []
            if len(key) == 91:
                digest = ["-digest", "sha256"]
                numbers = number(signature[:32]) + number(signature[32:])
                signature = bytes([0x30, len(numbers)]) + numbers
            for name, content in ("key", key), ("signature", signature), ("statement", statement):
                (folder / name).write_bytes(content)
            command = "openssl pkeyutl -verify -pubin -keyform DER -inkey key -rawin -in statement -sigfile signature"
            return subprocess.run(command.split() + digest, cwd=folder, capture_output=True).returncode == 0

    data = open(sys.argv[1], "rb").read()
    magic = b"cultivar root 1\n"
    assert data.startswith(magic)
    (one, record), (two, envelope) = fields(data[len(magic):])
    assert (one, two) == (1, 2)
    root = fields(record)
    single = dict(root)
    print(struct.unpack("<I", single[1])[0], single[2][0], single[3][0])
    keys = {hashlib.sha256(value).digest(): value for tag, value in root if tag == 5}
    statement = b"cultivar trust root 1\n" + hashlib.sha256(record).hexdigest().encode() + b"\n"
    for tag, value in fields(envelope):
        if tag == 1:
            key = keys.get(value[:32])
            verdict = "unknown" if key is None else "right" if is_right(key, value[32:], statement) else "wrong"
            print(value[:32].hex(), verdict)
    """#
}
