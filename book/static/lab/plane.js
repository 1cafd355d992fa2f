// The plane: points, their labels, and what a network says there.
(self.hlnbLab ??= []).push(function plane(lab) {
  "use strict";

  // Centres of side × side cells of the square [−reach, reach]², row by row from below
  lab.cells = function (side, reach) {
    const at = (i) => ((i + 0.5) / side * 2 - 1) * reach;
    return Float64Array.from({ length: 2 * side * side }, (_, k) =>
      at(k % 2 ? Math.floor(k / 2 / side) : (k >> 1) % side));
  };

  // For each row P(label 1) of a network with two outputs
  lab.chances = function (net, x) {
    const scores = net.forward(x, x.length / 2).at(-1);
    return Float64Array.from({ length: x.length / 2 }, (_, r) =>
      1 / (1 + Math.exp(scores[2 * r] - scores[2 * r + 1])));
  };

});

if (self.hlnbUi) {
  const ui = self.hlnbUi, drawn = document.createElement("canvas");

  // Numbers from 0 to 1 on side × side cells, as colours in a box [left, top, size]:
  // those of labels 0 and 1, or from low to high; NaN is blank
  ui.shade = function (c, values, [left, top, size], kind = "labels") {
    const side = Math.sqrt(values.length), dark = ui.dark();
    const ends = kind === "labels" ? [[243, 179, 138], [143, 193, 227]] : [[67, 120, 180], [200, 70, 75]];
    const middle = dark ? [30, 35, 42] : [255, 255, 255];
    const image = new ImageData(side, side), { data } = image;
    for (let k = 0; k < values.length; k++) {
      const value = values[k], end = ends[Number(value > 0.5)];
      const far = Math.abs(2 * value - 1) * (dark && kind === "labels" ? 0.45 : 1);
      const place = 4 * ((side - 1 - Math.floor(k / side)) * side + k % side);
      for (let j = 0; j < 3; j++) data[place + j] = middle[j] + (end[j] - middle[j]) * far;
      data[place + 3] = Number.isNaN(value) ? 0 : 255;
    }
    drawn.width = drawn.height = side;
    drawn.getContext("2d").putImageData(image, 0, 0);
    c.imageSmoothingEnabled = kind !== "entries";
    c.drawImage(drawn, left, top, size, size);
    c.strokeStyle = ui.muted();
    c.lineWidth = 1;
    c.strokeRect(left, top, size, size);
  };

  // The first `n` points of a batch, label 0 as discs and label 1 as triangles
  ui.marks = function (c, { x, y }, n, [left, top, size], reach, radius = 3) {
    const colours = [ui.colour("layer-wise"), ui.colour("simultaneous")];
    for (let i = 0; i < Math.min(n, y.length); i++) {
      const px = left + size * (x[2 * i] / reach + 1) / 2, py = top + size * (1 - x[2 * i + 1] / reach) / 2;
      c.fillStyle = colours[y[i]];
      c.beginPath();
      if (y[i]) {
        c.moveTo(px, py - radius - 1);
        c.lineTo(px + radius + 0.5, py + radius);
        c.lineTo(px - radius - 0.5, py + radius);
      } else c.arc(px, py, radius, 0, 2 * Math.PI);
      c.fill();
    }
  };
}
