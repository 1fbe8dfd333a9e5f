/* The widget of the chat panel. */

/** @import { RenderProps, WidgetModel } from "./page/jupyter_types.js" */

import { typesetterOf } from "./page/typesetter.js";
import { useWords } from "./page/words.js";
import { Chat } from "./panel/chat.js";
import { PanelView } from "./panel/panel_view.js";

/** @param {Record<string, Record<string, string>>} words */
export default (words) => {
  useWords(words);
  /** @type {Chat} */
  let chat;
  return {
    /** @param {{ model: WidgetModel }} props */
    initialize({ model }) {
      chat = new Chat(model);
    },
    /** @param {RenderProps} props */
    render({ model, el }) {
      const view = new PanelView(chat, typesetterOf(model));
      chat.views.add(view);
      el.append(view.root);
      return () => {
        chat.views.delete(view);
        view.remove();
      };
    },
  };
};
