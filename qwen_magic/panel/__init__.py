"""The chat panel: one named conversation as a widget that stays, and answers while cells run.

    chat()            in a notebook: the conversation that the cells ask in
    chat("review")    the one of `-c review`

`panel_widget` has the state that pages draw, `transcript` its turns; `session` handles the messages of pages, which
`page_requests` checks; `question_thread` asks one question in a separate thread. `completions` lists what can be
chosen, `uploads` takes files from the browser, `saved_panel` makes the record in the notebook. An answer is drawn by
the same code as in a cell (`qwen_magic.rendering`).
"""
