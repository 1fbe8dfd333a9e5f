/* The options of the model picker. No DOM. */

import { say } from "../page/words.js";


/**
 * @param {string[]} models those of the endpoint, as far as they have come
 * @param {string} defaultModel
 * @param {string} current the conversation's; it is there even where the endpoint does not list it
 * @param {boolean} asked whether the kernel has been asked for the models
 * @returns {{ value: string, label: string, disabled: boolean }[]}
 */
export function modelOptions(models, defaultModel, current, asked) {
  const names = current && !models.includes(current) ? [current, ...models] : models;
  const byDefault = defaultModel ? say("defaultModelOf", { name: defaultModel }) : say("defaultModel");
  const options = [{ value: "", label: byDefault, disabled: false }];
  options.push(...names.map((name) => ({ value: name, label: name, disabled: false })));
  if (asked && !models.length) options.push({ value: "", label: say("loadingModels"), disabled: true });
  return options;
}
