"""The chat panel: one named conversation as a widget that stays, and answers while cells run.

    chat()            in a notebook: the conversation that the cells ask in
    chat("review")    the one of `-c review`

`widget` is what the page sees, `transcript` what stands in it, `session` what its messages do, `question_thread` one
question in a thread of its own, `completions` what can be chosen, `uploads` what came from the browser, `saved_panel`
what is saved in the notebook. An answer is drawn by the same code as in a cell (`qwen_magic.rendering`).
"""
