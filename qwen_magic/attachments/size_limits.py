"""The limits of attachments, such as the size of an image: the service's with their source, and our own."""

from __future__ import annotations

from dataclasses import dataclass, replace

__all__ = ["HIGH_RESOLUTION", "ImageLimits"]

MB = 1024 * 1024

# The service's docs, "OpenAI compatible - File", Oct 2026: a document up to 150 MB, an image up to 20 MB.
MAX_DOCUMENT = 150 * MB
# The service's docs, "Long context (Qwen-Long)", Oct 2026: at most 100 files in a request.
MAX_DOCUMENTS = 100
# The service's docs, "Vision", Oct 2026: at most 250 images as base64.
MAX_IMAGES = 250
# The service's docs, "Vision", Oct 2026: sides over 10 px, a ratio up to 200:1, nothing larger than 8K.
MIN_SIDE, MAX_RATIO, MAX_SIDE = 11, 200, 7680
# The service's docs, "Vision", Oct 2026: `max_pixels` by default, and the most that it can be set to.
DEFAULT_PIXELS, MOST_PIXELS = 2_621_440, 16_777_216
# The service's docs, "Error codes": "Exceeded limit on max bytes per data-uri item : 10485760", and for base64 the
# advice to keep the original under 7 MB.
MAX_IMAGE_BYTES = 7_000_000
# A request's body: up to 16 MiB on the shared hosts, 64 MB on a workspace's own (the service's docs, "OpenAI Chat
# Completions", Oct 2026). Of this, so much is for what is no message: model, fields, tools.
SHARED_BODY, WORKSPACE_BODY = 16 * MB, 64 * MB
BESIDE_MESSAGES = MB // 4
# The images of one question: base64 makes 4 bytes of 3, and a quarter is left for words. Earlier images, which are
# sent again, are left out of the context when there is no room for them.
ALL_IMAGES_BYTES = SHARED_BODY * 3 // 4 * 3 // 4
# What Pillow opens without an error: twice its MAX_IMAGE_PIXELS, about half a gigabyte once it is decoded.
MAX_OPENED_PIXELS = 178_956_970
# Pages of one TIFF: ours. More than that is a document.
MAX_PAGES = 20

# What reading one file may take in a process of its own (`isolated_reader`): ours. So many seconds of a processor,
# where a system can limit them, so many of a clock, since a busy machine is no fault of the file's, and bytes. A PDF
# of a thousand pages takes some ten seconds, an image of 178 million pixels some 1.5 GB. A text that is not finished
# after so many seconds of a clock is cut there.
PROCESSOR_SECONDS, READ_SECONDS, ENOUGH_SECONDS = 30, 120.0, 20.0
READ_MEMORY = 2048 * MB
# Characters of a document that are searched for secrets, and seconds of a clock for those of them that are not quoted
# anyhow: ours. A PDF gives some 60,000 characters a second, the other formats more.
SEARCHED_CHARACTERS, SEARCH_SECONDS = 5_000_000, 5.0
# What the files in a document may hold once they are unpacked: ours. XML that becomes a tree takes some ten times its
# size; the sheets of a workbook are read row by row.
MAX_UNPACKED, MAX_XML = 1024 * MB, 128 * MB
# Files in a document, and bytes of the list of them: ours, some ten times what large presentations have.
MAX_ENTRIES, MAX_DIRECTORY = 20_000, 4 * MB
# Values of a table that are looked at, and the bytes that they may take: ours.
MAX_VALUES, MAX_TABLE_BYTES = 2_000_000, 256 * MB

# What is fetched from a URL: ours.
MAX_FETCHED = 50 * MB
FETCH_SECONDS = 30.0

# Characters of text in one question where nobody says more: ours, about 25,000 tokens of English.
INLINE_CHARACTERS = 100_000
# "User text up to 9,000 tokens" when file ids are there (the service's docs, "Long context (Qwen-Long)", Oct 2026).
# So much of it may be attached texts; the rest is for the question itself.
TOKENS_BESIDE_FILES = 9_000
INLINE_TOKENS_BESIDE_FILES = 6_000


@dataclass(frozen=True, slots=True)
class ImageLimits:
    """What an image is shrunk to: pixels altogether, the longest side in pixels, bytes of the encoded file."""

    pixels: int = DEFAULT_PIXELS
    side: int = MAX_SIDE
    bytes: int = MAX_IMAGE_BYTES

    def shared_by(self, images: int) -> ImageLimits:
        """The limits of each of so many images in one request."""
        return replace(self, bytes=min(self.bytes, ALL_IMAGES_BYTES // max(images, 1)))


# For `vl_high_resolution_images`, and for `max_pixels` of one's own.
HIGH_RESOLUTION = ImageLimits(pixels=MOST_PIXELS)
