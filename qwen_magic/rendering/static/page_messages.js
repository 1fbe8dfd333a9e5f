/* The messages between the kernel and the page, and the states that they keep in step: types only.
 *
 * The kernel's half is `rendering/page_messages.py` and, for what the panel sends, `panel/page_requests.py`; a test
 * holds the names and the fields of both together.
 */

/** @typedef {Record<string, string>} ByLanguage a text in each language that a page may have, by its code */
/**
 * @typedef {"waiting" | "thinking" | "answering" | "done"} Phase
 * @typedef {"done" | "stopped" | "failed"} Outcome
 */

// --- one answer

/**
 * The blocks of a section are HTML of the kernel's, sanitised; `tail` is the HTML of the open end, `append` is text.
 * @typedef {object} SectionState
 * @property {string[]} blocks
 * @property {string} tail
 * @property {string} append
 */
/**
 * Replaces the blocks from number `base` on, and the tail, or (with `null`) adds `append` to what is there.
 * @typedef {object} SectionPatch
 * @property {number} base
 * @property {string[]} blocks
 * @property {string | null} tail
 * @property {string} append
 */
/**
 * @typedef {object} RetryingNotice
 * @property {"retrying"} kind
 * @property {number} delay
 * @property {ByLanguage} reason
 */
/**
 * @typedef {object} CallingNotice
 * @property {"calling"} kind
 * @property {string} name
 */
/**
 * `seconds` have passed since the question was sent, `thought` of them with thinking.
 * @typedef {object} Progress
 * @property {Phase} phase
 * @property {number} seconds
 * @property {number} thought
 * @property {RetryingNotice | CallingNotice | null} notice
 * @property {Outcome} [outcome]
 */
/**
 * @typedef {object} ShownAttachment
 * @property {string} name
 * @property {string} note
 */
/**
 * @typedef {object} HeadingState
 * @property {string} model
 * @property {string} endpoint
 * @property {ShownAttachment[]} attachments
 * @property {Record<string, string[]>} notes
 * @property {boolean} [thinking_stays]
 */
/**
 * What the page writes into the file of an answer that has not ended: HTML around it, and the output that shows it.
 * @typedef {object} SavedView
 * @property {string} view
 * @property {string} model
 * @property {string[]} around
 */
/**
 * @typedef {object} RecordBundle
 * @property {Record<string, any>} data
 * @property {Record<string, any>} metadata
 */
/**
 * @typedef {object} AnswerState
 * @property {HeadingState} heading
 * @property {SavedView} saved
 * @property {SectionState} thinking
 * @property {SectionState} answer
 * @property {Progress} progress
 * @property {RecordBundle} [record]
 */
/**
 * @typedef {object} AnswerPatch
 * @property {SectionPatch} [thinking]
 * @property {SectionPatch} [answer]
 * @property {Progress} progress
 */

// --- from the kernel to the widget of one answer: one of these, or an AnswerPatch

/**
 * @typedef {object} BeginMessage
 * @property {AnswerState} begin
 */
/**
 * @typedef {object} RecordMessage
 * @property {RecordBundle | null} record
 */

// --- from the widget of one answer to the kernel

/**
 * @typedef {object} RecordRequest
 * @property {"record"} do
 */

// --- the chat panel

/**
 * What is to be attached: a file or folder of the kernel's, a variable, or what was sent before.
 * @typedef {object} GivenAttachment
 * @property {"file" | "variable" | "snapshot"} kind
 * @property {string} value
 * @property {string} name
 */
/**
 * @typedef {object} TurnState
 * @property {string} question
 * @property {ShownAttachment[]} attachments
 * @property {GivenAttachment[]} given
 * @property {HeadingState} heading
 * @property {SectionState} thinking
 * @property {SectionState} answer
 * @property {Progress} progress
 * @property {string} head
 * @property {ByLanguage} foot
 * @property {string} text
 * @property {ByLanguage | null} error
 * @property {boolean} drawn
 * @property {boolean} in_cell
 * @property {boolean} cell_is_older
 */
/**
 * The fields of a turn that have changed.
 * @typedef {object} TurnChange
 * @property {ShownAttachment[]} [attachments]
 * @property {HeadingState} [heading]
 * @property {SectionState} [thinking]
 * @property {SectionState} [answer]
 * @property {string} [head]
 * @property {ByLanguage} [foot]
 * @property {string} [text]
 * @property {ByLanguage} [error]
 * @property {boolean} [drawn]
 */
/**
 * @typedef {object} KnownConversation
 * @property {string} name
 * @property {string} model
 */
/**
 * `id` names the panel in the file, `view` is the widget; `around` and `in_cell` are HTML of the record.
 * @typedef {object} PanelState
 * @property {number} seq
 * @property {string} id
 * @property {string} view
 * @property {string[]} around
 * @property {string} in_cell
 * @property {string} language the kernel's, in which the record is
 * @property {string} name
 * @property {string} model
 * @property {string[]} order
 * @property {Record<string, TurnState>} turns
 */

// --- from the kernel to the panel

/**
 * @typedef {object} WholeMessage
 * @property {PanelState} whole
 */
/**
 * Change number `seq`: the order with the new turns, what is known of the conversation, or a change of the turn `key`.
 * @typedef {object} PanelChange
 * @property {number} seq
 * @property {string[]} [order]
 * @property {Record<string, TurnState>} [turns]
 * @property {KnownConversation} [known]
 * @property {string} [key]
 * @property {AnswerPatch} [patch]
 * @property {TurnChange} [set]
 */
/**
 * @typedef {object} Offer
 * @property {"file" | "folder" | "variable"} kind
 * @property {string} value
 * @property {string} note
 */
/**
 * Whatever is no part of the state: models to choose from, what `@text` may mean, how far an upload is, an error.
 * @typedef {object} Aside
 * @property {string[]} [models]
 * @property {string} [default]
 * @property {Offer[]} [offers]
 * @property {string} [text]
 * @property {string} [uploaded]
 * @property {string} [path]
 * @property {number} [size]
 * @property {ByLanguage} [error]
 */

// --- from the panel to the kernel

/**
 * The page has change number `seen`.
 * @typedef {object} HelloRequest
 * @property {"hello"} do
 * @property {number} seen
 */
/**
 * @typedef {object} AskRequest
 * @property {"ask"} do
 * @property {string} key
 * @property {string} text
 * @property {GivenAttachment[]} [attachments]
 * @property {string} [again]
 */
/**
 * @typedef {object} StopRequest
 * @property {"stop"} do
 * @property {string} key
 */
/**
 * @typedef {object} PlainRequest
 * @property {"clear" | "undo" | "models"} do
 */
/**
 * @typedef {object} ModelRequest
 * @property {"model"} do
 * @property {string} model
 */
/**
 * @typedef {object} CompleteRequest
 * @property {"offer"} do
 * @property {string} text
 */
/**
 * The next piece of a file comes as the message's buffer.
 * @typedef {object} UploadRequest
 * @property {"upload"} do
 * @property {string} id
 * @property {string} name
 */

/** @typedef {BeginMessage | RecordMessage | AnswerPatch} AnswerMessage */
/** @typedef {WholeMessage | PanelChange | Aside} PanelMessage */
/**
 * @typedef {HelloRequest | AskRequest | StopRequest | PlainRequest | ModelRequest | CompleteRequest | UploadRequest
 * } PanelRequest
 */

export {};

// --- a map

/**
 * One of the first answers; `row` is its number, from 0, and `cells` its data, one for each field, or its text.
 * @typedef {object} MapRow
 * @property {number} row
 * @property {string[]} cells
 */
/**
 * How far a map is: `line` is the facts for a person, `fields` are the names of the rows' cells, if they have any.
 * @typedef {object} MapState
 * @property {string} model
 * @property {number} done
 * @property {number} total
 * @property {ByLanguage} line
 * @property {string[]} fields
 * @property {MapRow[]} rows
 */
