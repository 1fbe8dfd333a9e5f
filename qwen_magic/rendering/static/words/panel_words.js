/* What the chat panel says that takes more than one of its words. The words are data, as in answer.js. */

function panelName(name) {
  return name === "default" ? words.panel : filled(words.panelOf, { name });
}

function panelEmpty(name) {
  return name === "default" ? words.empty : filled(words.emptyNamed, { name });
}

function tooLong(length, most) {
  return filled(words.tooLong, { size: megabytes(length), most: most.toLocaleString() });
}

function megabytes(bytes) {
  return `${(bytes / (1 << 20)).toFixed(1)} MB`;
}
