/* The words of the chat panel, beside those of answer.js; like them they follow the browser's language. */

const PANEL_WORDS = {
  en: {
    panelOf: (name) => (name === "default" ? "Chat" : `Chat: ${name}`),
    transcript: "Transcript",
    question: "Question",
    ask: "Send",
    askLong: "Send (Enter)",
    stopLong: "Stop answering",
    placeholder: "Ask Qwen — @ attaches a file or a variable",
    input: "Your question",
    again: "Ask again",
    edit: "Edit and ask again",
    editing: "You are changing an earlier question; its answer will be replaced.",
    cancel: "Cancel",
    copyAnswer: "Copy this answer",
    clear: "Clear the conversation",
    cleared: "The conversation was cleared.",
    undo: "Undo",
    attach: "Attach a file or a variable of the notebook",
    upload: "Upload a file from this computer",
    remove: (name) => `Remove ${name}`,
    offered: "What can be attached",
    variable: "variable",
    nothing: (text) => `Nothing here begins with “${text}”.`,
    model: "Model",
    defaultModel: (name) => (name ? `Default: ${name}` : "Default model"),
    loadingModels: "Asking for the models…",
    latest: "Go to the latest",
    empty: "Ask something. Cells with %%qwen share this conversation.",
    emptyNamed: (name) => `Ask something. Cells with %%qwen -c ${name} share this conversation.`,
    busy: "The kernel is busy. This is sent as soon as it is free.",
    busyStop: "The kernel is busy. The answer stops as soon as it is free.",
    waiting: "Sending…",
    gone: "The kernel was restarted or shut down, and this panel with it. Run its cell again to go on.",
    tooLong: (length, most) =>
      `That is ${megabytes(length)} of text, and a question takes ${most.toLocaleString()} characters. ` +
      "Save it as a file, and attach that.",
    tooLarge: (name, most) => `${name} is larger than ${megabytes(most)}.`,
    isFolder: (name) => `${name} is a folder. Drop the files in it, or attach a folder of the kernel with @.`,
    unreadable: (name) => `${name} could not be read. Choose it again, if it is still there.`,
    cellIsOlder: "The cell that asked this first still shows its older answer.",
    uploading: (done) => `${done} %`,
    dropHere: "Drop files to attach them",
    failures: {},
  },
  zh: {
    panelOf: (name) => (name === "default" ? "对话" : `对话：${name}`),
    transcript: "对话记录",
    question: "提问",
    ask: "发送",
    askLong: "发送（回车）",
    stopLong: "停止回答",
    placeholder: "向 Qwen 提问，输入 @ 可附加文件或变量",
    input: "你的问题",
    again: "重新提问",
    edit: "编辑并重新提问",
    editing: "正在修改之前的问题，原来的回答将被替换。",
    cancel: "取消",
    copyAnswer: "复制回答",
    clear: "清空对话",
    cleared: "对话已清空。",
    undo: "撤销",
    attach: "附加文件或笔记本变量",
    upload: "从本机上传文件",
    remove: (name) => `移除 ${name}`,
    offered: "可附加的内容",
    variable: "变量",
    nothing: (text) => `没有以“${text}”开头的内容。`,
    model: "模型",
    defaultModel: (name) => (name ? `默认：${name}` : "默认模型"),
    loadingModels: "正在获取模型列表…",
    latest: "回到最新",
    empty: "请提问。%%qwen 单元格与此处共享同一对话。",
    emptyNamed: (name) => `请提问。%%qwen -c ${name} 单元格与此处共享同一对话。`,
    busy: "内核正忙，空闲后会立即发送。",
    busyStop: "内核正忙，空闲后会立即停止。",
    waiting: "正在发送…",
    gone: "内核已重启或关闭，此面板已断开。请重新运行其单元格。",
    tooLong: (length, most) =>
      `文本大小为 ${megabytes(length)}，面板最多接受 ${most.toLocaleString()} 个字符。请保存为文件后附加。`,
    tooLarge: (name, most) => `${name} 超过 ${megabytes(most)}。`,
    isFolder: (name) => `${name} 是文件夹。请拖入其中的文件，或用 @ 附加内核所在机器上的文件夹。`,
    unreadable: (name) => `无法读取 ${name}。如果文件仍然存在，请重新选择。`,
    cellIsOlder: "最初提问的单元格仍显示较早的回答。",
    uploading: (done) => `${done}%`,
    dropHere: "松开即可附加文件",
    // What introduces the service's own words, by the names of the classes in errors.py, the nearest first.
    failures: {
      KeyRejected: "密钥无效，或属于其他地域或套餐。",
      AccessDenied: "此账号无权使用该模型或服务。",
      AccountOverdue: "账号欠费。",
      ContentFiltered: "内容安全过滤拦截了提问或回答。",
      ModelNotFound: "没有这个模型。",
      ContextTooLong: "问题和上下文超出了模型的长度上限。",
      RateLimited: "请求过于频繁，请稍后再试。",
      ServiceUnavailable: "服务暂时不可用。",
      ServiceError: "服务拒绝了请求。",
    },
  },
};
Object.assign(words, PANEL_WORDS[language]);

function megabytes(bytes) {
  return `${(bytes / (1 << 20)).toFixed(1)} MB`;
}

/** An error of Python's, in the page's language as far as the words are ours. */
function failureText({ kinds, happened, remedy, chinese }) {
  const kind = kinds.find((name) => words.failures[name]);
  const said = language === "zh" ? [chinese.happened || happened, chinese.remedy || remedy] : [happened, remedy];
  return [words.failures[kind], ...said].filter(Boolean).join(language === "zh" ? "" : " ");
}
