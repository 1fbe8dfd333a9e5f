/* Files of the person's computer, sent to the kernel piece by piece. */

/** @import { Chat } from "./chat.js" */
/** @import { DraftAttachment } from "./draft.js" */

import { say } from "../page/words.js";
import { attach, detach, pieceStarts } from "./draft.js";
import { newKey } from "./keys.js";
import { megabytes } from "./panel_phrases.js";

// As `LARGEST` in uploads.py. A piece is far below what a Jupyter server takes in one message.
const LARGEST_FILE = 150 << 20;
const PIECE = 1 << 20;

/**
 * Attach files, one after the other; what cannot be attached is told.
 *
 * @param {Chat} chat
 * @param {(text: string) => void} tell
 * @param {File[]} files
 * @param {string[]} [folders] the names of folders, which cannot
 */
export async function uploadAll(chat, tell, files, folders = []) {
  for (const name of folders) tell(say("isFolder", { name }));
  for (const file of files) {
    if (file.size > LARGEST_FILE) tell(say("tooLarge", { name: file.name, most: megabytes(LARGEST_FILE) }));
    else await upload(chat, tell, file);
  }
}

/**
 * @param {Chat} chat
 * @param {(text: string) => void} tell
 * @param {File} file
 */
async function upload(chat, tell, file) {
  const id = newKey();
  const name = file.name.split(/[\\/]/).at(-1) ?? "";
  /** @type {DraftAttachment} */
  const attachment = { kind: "file", name, id, size: file.size, progress: 0 };
  attach(chat.draft, attachment);
  chat.tellViews();
  try {
    for (const start of pieceStarts(file.size, PIECE)) {
      if (!chat.draft.attachments.includes(attachment)) return;
      const piece = await file.slice(start, start + PIECE).arrayBuffer();
      chat.send({ do: "upload", id, name }, [piece]);
    }
  } catch {
    // It has gone or was changed, or is a folder that the browser did not call one.
    detach(chat.draft, attachment);
    chat.tellViews();
    tell(say("unreadable", { name }));
  }
}
