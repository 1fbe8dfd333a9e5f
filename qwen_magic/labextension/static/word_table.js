/* Written by tests/support/messages.py: EXTENSION of page_words.py, and the catalogues. Do not edit. */

export const WORDS = {
  "en": {
    "copy": "Copy",
    "copyCode": "Copy this code",
    "copied": "Copied",
    "notCopied": "Not copied",
    "insert": "Insert below",
    "insertCode": "Insert this code into a new cell below",
    "readOnly": "This notebook cannot be changed.",
    "askAgain": "Ask Qwen Again",
    "askAgainLong": "Run this question again; its answer is replaced",
    "stop": "Stop Qwen",
    "stopLong": "Stop the answer: interrupt the kernel",
    "fixError": "Fix This Error with Qwen",
    "fixErrorLong": "Ask Qwen to correct the cell that failed last; the change is shown first",
    "openChat": "Chat with Qwen",
    "openChatLong": "Open the chat panel of this notebook",
    "chat": "Qwen",
    "chatOf": "Qwen: {path}",
    "status": "{who} · {tokens} tokens",
    "statusLong": "Who answered last, and the tokens of all answers in this notebook"
  },
  "zh": {
    "copy": "复制",
    "copyCode": "复制这段代码",
    "copied": "已复制",
    "notCopied": "复制失败",
    "insert": "插入下方",
    "insertCode": "将这段代码插入到下方的新单元格",
    "readOnly": "此笔记本不可更改。",
    "askAgain": "再次询问 Qwen",
    "askAgainLong": "重新运行这个问题，并替换它的回答",
    "stop": "停止 Qwen",
    "stopLong": "停止回答：中断内核",
    "fixError": "用 Qwen 修复此错误",
    "fixErrorLong": "请 Qwen 更正上一个出错的单元格；更改会先显示出来",
    "openChat": "与 Qwen 对话",
    "openChatLong": "打开此笔记本的对话面板",
    "chat": "Qwen",
    "chatOf": "Qwen：{path}",
    "status": "{who} · {tokens} tokens",
    "statusLong": "最近一次回答来自谁，以及此笔记本所有回答的 token 数"
  }
};
