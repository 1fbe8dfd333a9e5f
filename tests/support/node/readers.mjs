// Renders markdown as other front-ends do, none of which sanitises: a line of JSON in, `["text", …]`, and a line out,
// `{"reader": ["html", …], …}`.
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";
import { createInterface } from "node:readline";

// The packages are not beside this file, but in the folder that is the first argument.
const require = createRequire(pathToFileURL(`${process.argv[2]}/package.json`));
const load = (name) => import(pathToFileURL(require.resolve(name)));

const { Marked } = await load("marked");
const { gfmHeadingId } = await load("marked-gfm-heading-id");
const { mangle } = await load("marked-mangle");
const MarkdownIt = (await load("markdown-it")).default;
const { removeMath, replaceMath } = await load("@jupyterlab/rendermime/lib/latex.js");
const packages = ["remark-parse", "remark-gfm", "remark-math", "remark-rehype", "rehype-stringify"];
const [parse, gfm, math, rehype, stringify] = (await Promise.all(packages.map(load))).map((module) => module.default);
const { unified } = await load("unified");

globalThis.navigator ??= { appName: "" };

const marked = new Marked(gfmHeadingId(), mangle(), { gfm: true });
const markdownIt = new MarkdownIt({ html: true, linkify: true, typographer: true });
markdownIt.validateLink = () => true;
const dangerous = { allowDangerousHtml: true };
const remark = (...plugins) => {
  const processor = unified().use(parse);
  for (const plugin of plugins) processor.use(plugin);
  return processor.use(rehype, dangerous).use(stringify, dangerous);
};
const remarks = { remark: remark(gfm), "remark-math": remark(gfm, math) };

// As JupyterLab's renderMarkdown does it: it takes the formulas out first, and puts them back into the HTML.
const jupyterlab = (text) => {
  const parts = removeMath(text);
  return replaceMath(marked.parse(parts.text), parts.math);
};

const readers = {
  jupyterlab,
  marked: (text) => marked.parse(text),
  "markdown-it": (text) => markdownIt.render(text),
  ...Object.fromEntries(
    Object.entries(remarks).map(([name, processor]) => [name, (text) => String(processor.processSync(text))]),
  ),
};

for await (const line of createInterface({ input: process.stdin })) {
  const texts = JSON.parse(line);
  const pages = Object.entries(readers).map(([name, read]) => [name, texts.map(read)]);
  process.stdout.write(`${JSON.stringify(Object.fromEntries(pages))}\n`);
}
