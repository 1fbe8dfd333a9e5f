"""Images: fitted into every limit, never enlarged, upright, without metadata; and what cannot be sent is refused."""

from __future__ import annotations

import ast
import struct
import threading
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from io import BytesIO
from itertools import starmap
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw
from support.paths import ROOT

from qwen_magic.attachments import Attach, Attachment, ImageLimits, Target, gather, parts
from qwen_magic.attachments.image_resize import fit
from qwen_magic.core.errors import InputError
from qwen_magic.core.messages import Image as ImagePart

RED, BLUE = (220, 30, 30), (30, 30, 220)


def attach(folder: Path, *images: str, **options: object) -> tuple[Attachment, ...]:
    return gather(Attach(images=images, cwd=folder, **options))  # type: ignore[arg-type]  # a test's own options


def refusal(folder: Path, *images: str) -> str:
    with pytest.raises(InputError) as caught:
        attach(folder, *images)
    return str(caught.value)


def opened(attachment: Attachment) -> Image.Image:
    return Image.open(BytesIO(attachment.data))


def two_halves(size: tuple[int, int], mode: str = "RGB") -> Image.Image:
    """Red on top, blue below."""
    image = Image.new("RGB", size, RED)
    ImageDraw.Draw(image).rectangle((0, size[1] // 2, size[0], size[1]), fill=BLUE)
    return image.convert(mode)


@contextmanager
def serving(body: bytes, mime: str) -> Iterator[str]:
    """The URL of a server on this machine that answers everything with the same."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("content-type", mime)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *words: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/a.png"
        server.shutdown()


def is_red(pixel: object) -> bool:
    assert isinstance(pixel, tuple)
    return bool(pixel[0] > 120 > pixel[2])


def as_jpeg(image: Image.Image, orientation: int) -> Image.Image:
    exif = Image.Exif()
    exif[0x0112] = orientation
    exif[0x010E] = "a description"
    data = BytesIO()
    image.save(data, "JPEG", exif=exif, quality=95)
    return Image.open(data)


def chunk(kind: bytes, data: bytes) -> bytes:
    """A chunk of a PNG."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def test_an_image_that_fits_is_sent_as_it_is(tmp_path: Path) -> None:
    for name in ("a.png", "a.jpg"):
        two_halves((40, 30)).save(tmp_path / name)
        (found,) = attach(tmp_path, name)
        assert (found.data, found.note) == ((tmp_path / name).read_bytes(), "")


def test_an_image_is_recognised_by_its_content(tmp_path: Path) -> None:
    two_halves((40, 30)).save(tmp_path / "a.png")
    (tmp_path / "a.png").rename(tmp_path / "a.txt")
    (found,) = gather(Attach(files=("a.txt",), cwd=tmp_path))
    (part,) = parts([found], Target()).parts
    assert isinstance(part, ImagePart)
    assert part.url.startswith("data:image/png;base64,")
    assert part.sha256 == found.sha256


@settings(max_examples=40, deadline=None)
@given(
    width=st.integers(1, 1500),
    height=st.integers(1, 1500),
    pixels=st.integers(70_000, 500_000),
    side=st.integers(300, 1200),
    limit=st.integers(3_000, 60_000),
    lossy=st.booleans(),
    noisy=st.booleans(),
)
def test_never_over_a_limit_and_never_enlarged(
    width: int, height: int, pixels: int, side: int, limit: int, lossy: bool, noisy: bool
) -> None:
    image = Image.effect_noise((width, height), 90).convert("RGB") if noisy else two_halves((width, height))
    image.format = "JPEG" if lossy else "PNG"
    fitted = fit(image, ImageLimits(pixels, side, limit))
    assert fitted is not None
    result = Image.open(BytesIO(fitted.data))
    assert len(fitted.data) <= limit
    assert result.width * result.height <= pixels
    assert max(result.size) <= side
    assert min(result.size) > 10
    assert max(result.size) <= 200 * min(result.size)
    least = max(11, -(-max(result.size) // 200))
    assert result.width <= max(width, least)
    assert result.height <= max(height, least)
    if result.size != (width, height):
        assert fitted.notes


@settings(max_examples=30, deadline=None)
@given(orientation=st.integers(1, 8), width=st.integers(20, 400), height=st.integers(20, 400), small=st.booleans())
def test_the_orientation_of_the_camera_is_kept(orientation: int, width: int, height: int, small: bool) -> None:
    """The image is turned back as its tag says, so that red is on top again; the tag and the rest of EXIF are gone."""
    turn = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }
    seen = two_halves((width, height))
    stored = seen.transpose(turn[orientation]) if orientation in turn else seen
    fitted = fit(as_jpeg(stored, orientation), ImageLimits(pixels=5_000 if small else 1_000_000))
    assert fitted is not None
    result = Image.open(BytesIO(fitted.data)).convert("RGB")
    assert is_red(result.getpixel((result.width // 2, result.height // 5)))
    assert not is_red(result.getpixel((result.width // 2, result.height - 1 - result.height // 5)))
    if not small:
        assert result.size == (width, height)
    assert not result.getexif()


def test_metadata_is_dropped(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x010E] = "taken at home"
    exif.get_ifd(0x8825)[2] = (48.0, 8.0, 0.0)
    image = two_halves((40, 30))
    image.save(tmp_path / "a.jpg", exif=exif, comment=b"taken at home")
    image.save(tmp_path / "a.png", exif=exif)
    image.save(tmp_path / "a.webp", exif=exif)
    (tmp_path / "b.jpg").write_bytes((tmp_path / "a.jpg").read_bytes() + b"taken at home")
    plain = BytesIO()
    image.save(plain, "PNG")
    (tmp_path / "b.png").write_bytes(plain.getvalue() + b"taken at home")
    for found in attach(tmp_path, "*.*"):
        assert b"home" not in found.data
        assert b"Exif" not in found.data
        assert not opened(found).getexif()


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGBA", "LA", "CMYK", "I;16", "I", "F"])
def test_every_kind_of_pixel_can_be_sent(tmp_path: Path, mode: str) -> None:
    image = two_halves((40, 30), "L" if mode in ("1", "I;16", "I", "F") else mode)
    if mode == "1":
        image = image.point(lambda value: 255 * (value > 60)).convert("1")
    if mode in ("I;16", "I", "F"):
        wide = image.convert("I").point(lambda value: value * 200)
        image = wide.convert(mode)
    name = "a.tif" if mode in ("CMYK", "F", "I") else "a.png"
    image.save(tmp_path / name)
    (found,) = attach(tmp_path, name)
    result = opened(found).convert("L")
    assert opened(found).mode in ("1", "L", "P", "RGB")
    assert result.size == (40, 30)
    assert result.getpixel((20, 5)) != result.getpixel((20, 25))


def test_transparency_becomes_white(tmp_path: Path) -> None:
    Image.new("RGBA", (40, 30), (255, 0, 0, 0)).save(tmp_path / "a.png")
    (found,) = attach(tmp_path, "a.png")
    assert opened(found).convert("RGB").getpixel((5, 5)) == (255, 255, 255)
    assert found.note == "transparency on white"


def test_an_animation_gives_its_first_frame(tmp_path: Path) -> None:
    frames = [Image.new("RGB", (40, 30), colour) for colour in (RED, BLUE, RED)]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:])
    (found,) = attach(tmp_path, "a.gif")
    assert is_red(opened(found).convert("RGB").getpixel((5, 5)))
    assert found.note == "first of 3 frames"


def test_a_tiff_gives_its_pages(tmp_path: Path) -> None:
    pages = [Image.new("RGB", (40, 30), colour) for colour in (RED, BLUE)]
    pages[0].save(tmp_path / "scan.tif", save_all=True, append_images=pages[1:])
    found = attach(tmp_path, "scan.tif")
    assert [each.name for each in found] == ["scan.tif, page 1", "scan.tif, page 2"]
    assert [is_red(opened(each).convert("RGB").getpixel((5, 5))) for each in found] == [True, False]


def test_heic_where_pillow_heif_is_installed(tmp_path: Path) -> None:
    heif = pytest.importorskip("pillow_heif")
    heif.from_pillow(two_halves((64, 48))).save(tmp_path / "a.heic")
    (found,) = attach(tmp_path, "a.heic")
    assert found.mime == "image/jpeg"
    assert is_red(opened(found).getpixel((30, 5)))


def test_a_note_says_what_was_shrunk(tmp_path: Path) -> None:
    two_halves((3000, 2000)).save(tmp_path / "a.png")
    (found,) = attach(tmp_path, "a.png")
    assert found.note == "shrunk from 3000 × 2000 to 1982 × 1321 px"


def test_many_images_share_a_request(tmp_path: Path) -> None:
    for number in range(12):
        Image.effect_noise((700, 700), 100 + number).convert("RGB").save(
            tmp_path / f"{number:02}.png", compress_level=0
        )
    found = attach(tmp_path, "*.png")
    assert sum(len(each.data) for each in found) * 4 / 3 < 16 << 20
    assert [each.name for each in found] == sorted(each.name for each in found)


def test_a_hundred_megapixels_work(tmp_path: Path) -> None:
    image = Image.new("L", (10_000, 10_000), 30)
    image.paste(200, (0, 0, 10_000, 5_000))
    image.save(tmp_path / "a.jpg")
    (found,) = attach(tmp_path, "a.jpg")
    assert opened(found).size == (1619, 1619)


def test_a_gigapixel_is_refused(tmp_path: Path) -> None:
    header = struct.pack(">IIBBBBB", 40_000, 40_000, 8, 0, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(bytes(40_001))))
    (tmp_path / "bomb.png").write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(starmap(chunk, chunks)))
    assert refusal(tmp_path, "bomb.png").startswith("bomb.png has more than 178 million pixels.")


def test_what_is_no_image(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_text("hello", encoding="utf-8")
    two_halves((400, 300)).save(tmp_path / "b.jpg")
    (tmp_path / "b.jpg").write_bytes((tmp_path / "b.jpg").read_bytes()[:700])
    assert refusal(tmp_path, "a.png") == "a.png is no image that can be read. Save it as PNG or JPEG."
    assert refusal(tmp_path, "b.jpg").startswith("b.jpg is a damaged image")


def test_a_model_that_does_not_see(tmp_path: Path) -> None:
    two_halves((40, 30)).save(tmp_path / "a.png")
    found = attach(tmp_path, "a.png")
    with pytest.raises(InputError, match=r"a\.png is an image, and qwen3-max does not see"):
        parts(found, Target("qwen3-max", sees=False))


POSTSCRIPT = b"""%!PS-Adobe-3.0 EPSF-3.0
%%BoundingBox: 0 0 40 30
%%EndComments
(ran) print (ran.txt) (w) file closefile showpage
%%EOF
"""


def test_postscript_is_never_run(tmp_path: Path) -> None:
    """Pillow would hand it to Ghostscript, which is a program that runs what it is given."""
    (tmp_path / "a.eps").write_bytes(POSTSCRIPT)
    (tmp_path / "a.png").write_bytes(POSTSCRIPT)
    for name in ("a.eps", "a.png"):
        assert refusal(tmp_path, name) == f"{name} is no image that can be read. Save it as PNG or JPEG."
    with Image.open(tmp_path / "a.eps") as image, pytest.raises(InputError, match=r"opened but not loaded \(EPS\)"):
        gather(Attach(variables=("image",), namespace={"image": image}))


def test_a_page_of_the_web_that_calls_postscript_an_image(tmp_path: Path) -> None:
    with serving(POSTSCRIPT, "image/png") as url, pytest.raises(InputError, match="is no image that can be read"):
        attach(tmp_path, url, force=True)


@pytest.mark.parametrize("form", ["ICO", "PPM", "AVIF", "JPEG2000", "TIFF", "WEBP", "BMP", "GIF"])
def test_formats_that_are_read(tmp_path: Path, form: str) -> None:
    two_halves((48, 48)).save(tmp_path / "a", form)
    (found,) = attach(tmp_path, "a")
    assert is_red(opened(found).convert("RGB").getpixel((24, 8)))


def test_no_other_place_lets_pillow_choose_the_format() -> None:
    """Every `Image.open` of the package names its formats."""
    package = ROOT / "qwen_magic"
    calls = [
        call
        for path in package.rglob("*.py")
        for call in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(call, ast.Call) and ast.unparse(call.func).endswith(("Image.open", "Images.open"))
    ]
    assert calls
    assert all({"formats"} == {keyword.arg for keyword in call.keywords} for call in calls)
