/* The script that JupyterLab and Notebook 7 load first. It hands over the plugins of extension.js.
 *
 * The applications expect what webpack's module federation makes: `init(shareScope)` and `get(module)`. Nothing is
 * bundled here: the other files are ES modules beside this one, and the application's own modules come from its
 * share scope.
 */
(() => {
  const here = /** @type {HTMLScriptElement} */ (document.currentScript).src;
  /** @typedef {{ loaded?: unknown, get: () => Promise<() => any> }} SharedModule */
  /** @type {Record<string, Record<string, SharedModule>>} by package name and version */
  let shareScope = {};

  /**
   * A module of the application; `undefined` where this application has none.
   *
   * @param {string} name its package name
   */
  async function load(name) {
    const versions = Object.values(shareScope[name] ?? {});
    const shared = versions.find((version) => version.loaded) ?? versions[0];
    return shared && (await shared.get())();
  }

  const application = /** @type {{ _JUPYTERLAB?: Record<string, object> }} */ (window);
  application._JUPYTERLAB ??= {};
  application._JUPYTERLAB["qwen-magic"] = {
    /** @param {typeof shareScope} scope */
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
