"""Checks the attachments of a question as the service does, and describes them for the answer.

Pictures are recognised by their first bytes, uploaded documents by their id. Nothing is fetched from the network.
"""

from __future__ import annotations

import base64
import binascii
import re
from hashlib import sha256

from ..core.image_headers import Picture, recognise
from .chat_request import Chat, ChatMessage, Part, Seen
from .served_models import is_omni, reads_pdf
from .service_errors import wrong
from .storage import Storage, StoredFile
from .token_counts import of_picture, of_text

__all__ = ["look"]

# The service's docs: "Error codes" (data-uri item, sides), "Vision" (formats, sides over 10 px, ratio up to 200:1,
# 250 pictures as base64; over 4K only JPEG and PNG, nothing over 8K), "PDF" (150 MB), "Long context" (100 files).
MAX_DATA_URI = 10_485_760
MIN_SIDE, MAX_RATIO = 10, 200
PIXELS_4K, PIXELS_8K = 3840 * 2160, 7680 * 4320
MAX_PICTURES = 250
MAX_PDF = 150 * 1024 * 1024
MAX_FILES = 100
# Of each format with a mark at its end: the mark, and in how many of the last bytes it stands.
ENDS = {"PNG": (b"IEND", 64), "JPEG": (b"\xff\xd9", 1024)}
FORMATS = ("BMP", "HEIC", "JPEG", "PNG", "TIFF", "WEBP")

DATA_URI = re.compile(r"data:(?P<type>[\w.+-]+/[\w.+-]+)?(?:;[\w-]+=[^;,]*)*;base64,", re.I)
FILE_IDS = re.compile(r"fileid://[^\s,，]+(?:,\s*fileid://[^\s,，]+)*")
SIGNATURES = {"pdf": b"%PDF", "docx": b"PK", "xlsx": b"PK", "pptx": b"PK", "epub": b"PK"}
BYTES_PER_TOKEN = 4
SIDES = "The image length and width do not meet the model restrictions."


def look(chat: Chat, storage: Storage, account: str) -> tuple[Seen, ...]:
    """Every attachment, in order. Raises `Refusal` for what the service refuses."""
    parts = [part for message in chat.messages for part in message.parts if part.kind != "text"]
    if sum(part.kind == "image" for part in parts) > MAX_PICTURES:
        raise wrong(f"Too many images provided, at most {MAX_PICTURES} are allowed.")
    documents = _look_at_files(chat, storage, account)
    return (*documents, *(_look_at_part(chat, part, storage) for part in parts))


def _look_at_part(chat: Chat, part: Part, storage: Storage) -> Seen:
    if part.kind == "image" and chat.model.vision:
        return _look_at_picture(chat, part, storage)
    if part.kind in ("video", "video_url") and chat.model.vision:
        return Seen("video", part.value[:100], note="not fetched", tokens=1_000)
    if part.kind == "audio" and is_omni(chat.model):
        return Seen("audio", size=len(part.value), note="not decoded", tokens=100)
    if part.kind == "file" and reads_pdf(chat.model):
        return _look_at_pdf(part)
    raise wrong("Unexpected item type in content.")


def _look_at_picture(chat: Chat, part: Part, storage: Storage) -> Seen:
    if part.value.startswith(("http://", "https://")):
        return Seen("image", part.value[:200], note="by address; not fetched, the sandbox is offline", tokens=1_247)
    if part.value.startswith("oss://"):
        data = storage.objects.get(part.value) if chat.resolves_oss else None
        if data is None:
            raise wrong("Failed to download multimodal content")
    else:
        data = _decoded(part.value)
    picture = recognise(data)
    if picture is None or picture.format not in FORMATS or _is_cut(data, picture):
        raise wrong("The image format is illegal and cannot be opened.")
    _check_sides(picture)
    name = part.value if part.value.startswith("oss://") else ""
    note = f"{picture.format}, {picture.width} × {picture.height} px"
    return Seen("image", name, len(data), sha256(data).hexdigest(), note, of_picture(picture, chat.name))


def _is_cut(data: bytes, picture: Picture) -> bool:
    """Whether the end of a picture is missing, of a format that has a mark there."""
    mark, within = ENDS.get(picture.format, (b"", 1))
    return mark not in data[-within:]


def _decoded(uri: str) -> bytes:
    head = DATA_URI.match(uri[:200])
    if not head:
        raise wrong("The provided URL does not appear to be valid. Ensure it is correctly formatted.")
    if len(uri) > MAX_DATA_URI:
        raise wrong(f"Exceeded limit on max bytes per data-uri item : {MAX_DATA_URI}")
    try:
        return base64.b64decode(uri[head.end() :], validate=True)
    except binascii.Error:
        raise wrong("Invalid base64 data in data-uri item.") from None


def _check_sides(picture: Picture) -> None:
    short, long = sorted((picture.width, picture.height))
    pixels = short * long
    too_large = pixels > (PIXELS_8K if picture.format in ("JPEG", "PNG") else PIXELS_4K)
    if short <= MIN_SIDE or long > MAX_RATIO * short or too_large:
        raise wrong(SIDES)


def _look_at_pdf(part: Part) -> Seen:
    if part.value.startswith(("http://", "https://")):
        return Seen("document", part.value[:200], note="by address; not fetched, the sandbox is offline", tokens=1_000)
    if not part.name:
        raise wrong("filename is required when file_data is given")
    head = DATA_URI.match(part.value[:200])
    data = base64.b64decode(part.value[head.end() :]) if head else b""
    if not data.startswith(b"%PDF") or len(data) > MAX_PDF:
        raise wrong("The file format is illegal and cannot be opened.")
    return Seen("document", part.name, len(data), sha256(data).hexdigest(), "PDF", len(data) // BYTES_PER_TOKEN)


def _look_at_files(chat: Chat, storage: Storage, account: str) -> tuple[Seen, ...]:
    """The uploaded files that system messages name: `fileid://A,fileid://B` and nothing else in the same message."""
    ids = [file_id for message in chat.messages if message.names_files for file_id in _named(message)]
    if not ids:
        return ()
    if not chat.model.reads_files:
        raise wrong("The model does not support fileid:// in messages, use qwen-long.")
    if len(ids) > (MAX_FILES if chat.model.name == "qwen-long" else 1):
        raise wrong("Too many files provided.")
    files = [_readable(storage.get(account, file_id), file_id) for file_id in ids]
    parsing = [storage.still_parsing(file.id) for file in files]
    if any(parsing):
        raise wrong("File parsing in progress, please try again later.")
    return tuple(_describe(file) for file in files)


def _named(message: ChatMessage) -> list[str]:
    text = message.text.strip()
    if not FILE_IDS.fullmatch(text):
        raise wrong(f"Invalid file [id:{text.partition('fileid://')[2][:200]}].")
    return [item.strip().removeprefix("fileid://") for item in text.split(",")]


def _readable(file: StoredFile | None, file_id: str) -> StoredFile:
    if file is None:
        raise wrong(f"Invalid file [id:{file_id}].")
    suffix = file.filename.rpartition(".")[2].lower()
    if file.purpose != "file-extract" or not file.data.startswith(SIGNATURES.get(suffix, b"")):
        raise wrong(f"File [id:{file_id}] format is not supported.")
    if not file.data.strip():
        raise wrong(f"File [id:{file_id}] content blank.")
    return file


def _describe(file: StoredFile) -> Seen:
    text = file.data.decode("utf-8", "replace")
    tokens = of_text(text) if "\ufffd" not in text else len(file.data) // BYTES_PER_TOKEN
    return Seen("document", file.filename, len(file.data), file.sha256, file.id, tokens)
