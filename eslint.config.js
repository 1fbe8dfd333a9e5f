/* The linter. Names and types of the page's modules are checked by tsc (tsconfig.json). */

// What join_modules in qwen_magic/rendering/page_script.py does not take: a module is a list of named exports of
// constants, functions and classes, and imports them by name.
const restricted = [
  { selector: "ImportExpression", message: "Modules are joined into one text: import at the top." },
  { selector: "ImportDeclaration[specifiers.length=0]", message: "Import names." },
  { selector: "ImportDefaultSpecifier, ImportNamespaceSpecifier", message: "Import names." },
  { selector: "ExportNamedDeclaration[source], ExportAllDeclaration", message: "Export where it is defined." },
  { selector: "ExportNamedDeclaration > ExportSpecifier", message: "Export where it is defined." },
  { selector: "ExportNamedDeclaration > VariableDeclaration[kind!='const']", message: "Export constants." },
  { selector: "ExportNamedDeclaration > VariableDeclaration[declarations.length!=1]", message: "One to an export." },
];

export default [
  { ignores: [".venv/", "build/", "dist/"] },
  {
    files: ["qwen_magic/**/*.js", "tests/**/*.{js,mjs}", "*.js"],
    linterOptions: { reportUnusedDisableDirectives: "error" },
    rules: {
      "array-callback-return": "error",
      "complexity": ["error", 12],
      "consistent-return": "error",
      "curly": ["error", "multi-line"],
      "default-case-last": "error",
      "eqeqeq": "error",
      "max-depth": ["error", 3],
      "max-len": ["error", { code: 120, ignoreUrls: true, ignoreTemplateLiterals: true }],
      "max-lines": ["error", 300],
      "max-lines-per-function": ["error", 60],
      "max-params": ["error", 4],
      "no-alert": "error",
      "no-console": "error",
      "no-else-return": "error",
      "no-eval": "error",
      "no-implied-eval": "error",
      "no-new-func": "error",
      "no-shadow": "error",
      "no-throw-literal": "error",
      "no-unused-expressions": "error",
      "no-unused-vars": "error",
      "no-useless-concat": "error",
      "no-useless-return": "error",
      "no-var": "error",
      "object-shorthand": "error",
      "prefer-const": "error",
      "prefer-rest-params": "error",
      "prefer-template": "error",
      "quotes": ["error", "double", { avoidEscape: true }],
      "require-await": "error",
      "semi": "error",
    },
  },
  {
    // The application awaits what these return.
    files: ["qwen_magic/labextension/static/**/*.js"],
    rules: { "require-await": "off" },
  },
  {
    files: ["qwen_magic/rendering/static/**/*.js"],
    rules: { "no-restricted-syntax": ["error", ...restricted] },
  },
];
