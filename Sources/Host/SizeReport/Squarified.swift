/// A rectangle, in points.
struct Area: Equatable {
  var x: Double
  var y: Double
  var width: Double
  var height: Double
}

/// Divides a rectangle into nearly square parts of given sizes (Bruls, Huizing, van Wijk: “Squarified Treemaps”, 2000).
enum Squarified {
  /// The rectangles of the parts, in the order of the sizes.
  ///
  /// - Parameters:
  ///   - sizes: Sizes greater than zero, the largest first.
  ///   - area: The rectangle to divide completely.
  static func divide(_ sizes: [Double], into area: Area) -> [Area] {
    let total = sizes.reduce(0, +)
    guard total > 0, area.width > 0, area.height > 0 else {
      return sizes.map { _ in Area(x: area.x, y: area.y, width: 0, height: 0) }
    }
    let scale = area.width * area.height / total
    var rest = area
    var result: [Area] = []
    var row: [Double] = []
    for size in sizes.map({ $0 * scale }) {
      let side = min(rest.width, rest.height)
      if row.isEmpty || worst(row + [size], side) <= worst(row, side) {
        row.append(size)
      } else {
        result += place(row, in: &rest)
        row = [size]
      }
    }
    return result + place(row, in: &rest)
  }

  /// The worst aspect ratio in a row along a side.
  private static func worst(_ row: [Double], _ side: Double) -> Double {
    guard let most = row.max(), let least = row.min(), least > 0, side > 0 else { return .infinity }
    let sum = row.reduce(0, +)
    return max(side * side * most / (sum * sum), sum * sum / (side * side * least))
  }

  private static func place(_ row: [Double], in rest: inout Area) -> [Area] {
    let sum = row.reduce(0, +)
    guard sum > 0 else { return [] }
    var result: [Area] = []
    if rest.width >= rest.height {
      let width = min(rest.width, sum / rest.height)
      var y = rest.y
      for size in row {
        result.append(Area(x: rest.x, y: y, width: width, height: size / sum * rest.height))
        y += size / sum * rest.height
      }
      rest.x += width
      rest.width -= width
    } else {
      let height = min(rest.height, sum / rest.width)
      var x = rest.x
      for size in row {
        result.append(Area(x: x, y: rest.y, width: size / sum * rest.width, height: height))
        x += size / sum * rest.width
      }
      rest.y += height
      rest.height -= height
    }
    return result
  }
}
