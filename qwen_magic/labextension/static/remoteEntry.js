/* The script that JupyterLab and Notebook 7 load first. It hands over the plugins of extension.js.
 *
 * The applications expect what webpack's module federation makes: `init(shareScope)` and `get(module)`. Nothing is
 * bundled here: the other files are ES modules beside this one, and the application's own modules come from its
 * share scope.
 */
(() => {
  const here = document.currentScript.src;
  let shareScope = {};

  /** A module of the application, by its package name; `undefined` where this application has none. */
  async function load(name) {
    const versions = Object.values(shareScope[name] ?? {});
    const shared = versions.find((version) => version.loaded) ?? versions[0];
    return shared && (await shared.get())();
  }

  window._JUPYTERLAB ??= {};
  window._JUPYTERLAB["qwen-magic"] = {
    async init(scope) {
      shareScope = scope;
    },
    async get() {
      const { pluginsOf } = await import(new URL("extension.js", here).href);
      const plugins = await pluginsOf(load);
      return () => ({ __esModule: true, default: plugins });
    },
  };
})();
