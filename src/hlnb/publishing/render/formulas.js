// A line of JSON in, a line out: a formula's TeX; its MathML, or why there is none.
const temml = require(process.argv[2]);

function answer([tex, displayMode]) {
  try {
    return { mathml: temml.renderToString(tex, { displayMode, throwOnError: true }) };
  } catch (error) {
    return { problem: error.message };
  }
}

require("readline")
  .createInterface({ input: process.stdin })
  .on("line", (line) => console.log(JSON.stringify(answer(JSON.parse(line)))));
