/* The kernel of a widget, as far as the page can reach it: JupyterLab and Notebook 7. */

/** @import { WidgetModel } from "./jupyter_types.js" */

// A kernel with one of these is not the one that answered.
const ENDED = ["restarting", "autorestarting", "terminating", "dead"];

/**
 * What interrupts the kernel, where the page can; while a cell runs a message would wait for its end.
 *
 * @param {WidgetModel} model
 * @returns {(() => Promise<void> | undefined) | undefined}
 */
export function interruptOf(model) {
  const kernel = () => model.widget_manager?.kernel;
  return typeof kernel()?.interrupt === "function" ? () => kernel()?.interrupt?.() : undefined;
}

/**
 * Whether the kernel runs something now, as far as the page can tell.
 *
 * @param {WidgetModel} model
 * @returns {boolean}
 */
export function isBusy(model) {
  return model.widget_manager?.kernel?.status === "busy";
}

/**
 * Call `act` when the kernel of the widget is gone.
 *
 * @param {WidgetModel} model
 * @param {() => void} act
 * @returns {() => void} ends this
 */
export function whenKernelEnds(model, act) {
  const session = model.widget_manager?.context?.sessionContext;
  const source = session ?? model.widget_manager?.kernel;
  /** @type {(sender: unknown, status: string) => void} */
  const look = (_, status) => {
    if (ENDED.includes(status)) act();
  };
  source?.statusChanged?.connect(look);
  session?.kernelChanged?.connect(act);
  return () => {
    source?.statusChanged?.disconnect(look);
    session?.kernelChanged?.disconnect(act);
  };
}
