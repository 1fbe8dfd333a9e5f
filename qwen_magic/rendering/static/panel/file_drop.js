/* Files that are dragged over the panel are attached where they are dropped. */

/**
 * @param {HTMLElement} root
 * @param {(files: File[], folders: string[]) => void} take files, and the names of folders
 */
export function acceptDrops(root, take) {
  let inside = 0;
  const mark = (/** @type {number} */ change) => {
    inside += change;
    root.classList.toggle("qwen-dropping", inside > 0);
  };
  root.addEventListener("dragenter", (event) => hasFiles(event) && mark(1));
  root.addEventListener("dragleave", (event) => hasFiles(event) && mark(-1));
  root.addEventListener("dragover", (event) => hasFiles(event) && event.preventDefault());
  root.addEventListener("drop", (event) => {
    if (!event.dataTransfer || !hasFiles(event)) return;
    event.preventDefault();
    event.stopPropagation();
    mark(-inside);
    const { files, folders } = dropped(event.dataTransfer);
    take(files, folders);
  });
}

/** @param {DragEvent} event */
function hasFiles(event) {
  return Boolean(event.dataTransfer?.types.includes("Files"));
}

/**
 * The files and the names of the folders. An entry has the same place among the items as among the files.
 *
 * @param {DataTransfer} transfer
 */
function dropped(transfer) {
  const entries = [...transfer.items].filter((item) => item.kind === "file").map((item) => item.webkitGetAsEntry?.());
  const files = [...transfer.files].filter((_, at) => !entries[at]?.isDirectory);
  const folders = entries.flatMap((entry) => (entry?.isDirectory ? [entry.name] : []));
  return { files, folders };
}
