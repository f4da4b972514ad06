import Glibc

// A web server that counts its visits. It keeps the count in HOME, which is on the data partition.

func variable(_ name: String) -> String? {
  getenv(name).map { String(cString: $0) }
}

func hostName() -> String {
  var buffer = [CChar](repeating: 0, count: 65)
  gethostname(&buffer, buffer.count - 1)
  return String(decoding: buffer.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
}

let port = variable("PORT").flatMap(UInt16.init) ?? 8080
let counter = Counter(folder: variable("HOME") ?? ".")

do {
  let listener = try Listener(port: port)
  print("listening on port \(port)")
  fflush(nil)
  listener.serve { path in
    guard path == "/" else { return Response(status: "404 Not Found", body: "There is nothing here.\n") }
    do {
      return Response(status: "200 OK", body: "Hello from \(hostName())\nvisits: \(try counter.increment())\n")
    } catch {
      return Response(status: "500 Internal Server Error", body: "\(error)\n")
    }
  }
} catch {
  print("web: \(error)")
  exit(1)
}
