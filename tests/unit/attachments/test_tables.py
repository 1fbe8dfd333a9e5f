"""Tables: described in few words when they are large, and never read further than that takes."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

import pytest

from qwen_magic.attachments import Attach, gather
from qwen_magic.attachments.csv_files import read_delimited
from qwen_magic.core.errors import InputError


def described(folder: Path, name: str, **options: Any) -> str:
    (found,) = gather(Attach(files=(name,), cwd=folder, **options))
    assert found.kind == "table"
    return found.text


def of_variable(value: object, **options: Any) -> str:
    (found,) = gather(Attach(variables=("it",), namespace={"it": value}, **options))
    return found.text


def sales(rows: int) -> str:
    lines = (f"{n},shop {n % 3},{n * 0.5},2024-01-{1 + n % 28:02},0{n % 7}999" for n in range(rows))
    return "id,shop,price,day,code\n" + "\n".join(lines) + "\n"


class Counting(io.FileIO):
    """A file that counts what is read of it."""

    total = 0

    def readinto(self, buffer: Any) -> int:
        count = super().readinto(buffer) or 0
        self.total += count
        return count

    def read(self, size: int | None = -1) -> bytes:
        data = super().read(-1 if size is None else size) or b""
        self.total += len(data)
        return data


def test_a_small_csv_goes_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("a,b\n1,2\n", encoding="utf-8")
    (found,) = gather(Attach(files=("a.csv",), cwd=tmp_path))
    assert (found.kind, found.data) == ("text", (tmp_path / "a.csv").read_bytes())


def test_a_large_csv_is_described(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(sales(3000), encoding="utf-8")
    text = described(tmp_path, "a.csv", rows=2)
    assert text.startswith("Table `a.csv`: 3,000 rows × 5 columns.\n")
    assert "|id|integer|0|0 – 2,999, mean 1499.5|" in text
    assert '|shop|text|0|3 different: "shop 0" (1,000), "shop 1" (1,000), "shop 2" (1,000)|' in text
    assert "|price|number|0|0 – 1499.5, mean 749.75|" in text
    assert "|day|date|0|2024-01-01 – 2024-01-28|" in text
    assert '|code|text|0|7 different: "00999" (429)' in text, "a code is no number"
    assert "|0|shop 0|0.0|2024-01-01|00999|\n|1|shop 1|0.5|2024-01-02|01999|\n\nLast rows:" in text
    assert text.endswith("|2999|shop 2|1499.5|2024-01-04|03999|\n")


def test_more_rows_are_shown_on_request(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(sales(3000), encoding="utf-8")
    text = described(tmp_path, "a.csv", rows=50)
    assert "|49|shop 1|" in text
    assert "|2950|shop 1|" in text


def test_missing_values_and_dialects(tmp_path: Path) -> None:
    rows = [["größe", "wert"], *[["NA" if n % 4 == 0 else str(n), 'a "quoted"; one'] for n in range(1000)]]
    data = io.StringIO()
    csv.writer(data, delimiter=";").writerows(rows)
    (tmp_path / "a.csv").write_bytes(data.getvalue().encode("cp1252"))
    text = described(tmp_path, "a.csv")
    assert "1,000 rows × 2 columns" in text
    assert "|größe|integer|250|1 – 999" in text


@pytest.mark.parametrize("encoding", ["gb18030", "utf-16", "utf-8-sig"])
def test_csv_in_the_encodings_of_spreadsheets(tmp_path: Path, encoding: str) -> None:
    (tmp_path / "a.csv").write_bytes(("城市,人口\n" + "北京,100\n上海,200\n" * 1000).encode(encoding))
    text = described(tmp_path, "a.csv")
    assert "2,000 rows × 2 columns" in text
    assert '|城市|text|0|2 different: "上海" (1,000), "北京" (1,000)|' in text


def test_a_csv_without_a_header(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("1,2\n" * 3000, encoding="utf-8")
    assert "|column 1|integer|0|always 1|" in described(tmp_path, "a.csv")


def test_values_with_line_ends_are_counted_as_rows(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("a,b\n" + '1,"two\nlines"\n' * 2000, encoding="utf-8")
    text = described(tmp_path, "a.csv")
    assert "2,000 rows × 2 columns" in text
    assert "|1|two lines|" in text


def test_a_cell_cannot_break_the_table(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("a,b\n" + 'x|y,"`z`"\n' * 2000, encoding="utf-8")
    assert "|x\\|y|'z'|" in described(tmp_path, "a.csv")


def test_of_a_large_csv_little_is_read(tmp_path: Path) -> None:
    block = sales(20_000).partition("\n")[2].encode()
    with (tmp_path / "a.csv").open("wb") as file:
        file.write(b"id,shop,price,day,code\n")
        for _ in range(20_000_000 // len(block) + 1):
            file.write(block)
        size = file.tell()
    with Counting(tmp_path / "a.csv") as counted:
        found = read_delimited(counted, "a.csv", 3)
    rows = size // len(block) * 20_000
    about = int(found.text.partition("about ")[2].partition(" rows")[0].replace(",", ""))
    assert size > 20_000_000
    assert counted.total < 4_000_000
    assert abs(about - rows) < rows / 50
    assert "The facts on its columns are from a sample of" in found.text
    assert "|19999|shop 1|9999.5|2024-01-08|00999|" in found.text, "the last row"


def test_a_csv_of_one_endless_line(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(b"x" * 17_000_000)
    with pytest.raises(InputError, match=r"a\.csv cannot be read as CSV"):
        described(tmp_path, "a.csv")


# --- Parquet, Arrow, Excel


def test_parquet_and_arrow(tmp_path: Path) -> None:
    pandas = pytest.importorskip("pandas")
    pytest.importorskip("pyarrow")
    frame = pandas.DataFrame({"a": range(100), "b": ["x", None] * 50})
    frame.to_parquet(tmp_path / "a.parquet")
    frame.to_feather(tmp_path / "a.arrow")
    for name in ("a.parquet", "a.arrow"):
        text = described(tmp_path, name)
        assert "100 rows × 2 columns" in text
        assert "|a|Int64|0|0 – 99, mean 49.5|" in text
        assert '|b|String|50|1 different: "x" (50)|' in text


def test_a_large_parquet_file_is_read_from_its_footer(tmp_path: Path) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    table = pyarrow.table({"a": range(3_000_000)})
    parquet.write_table(table, tmp_path / "a.parquet")
    text = described(tmp_path, "a.parquet", rows=2)
    assert "3,000,000 rows × 1 column" in text
    assert "|a|int64|0|0 – 2999999|" in text
    assert text.endswith("|a|\n|---|\n|0|\n|1|\n")


def test_a_damaged_parquet_file(tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    (tmp_path / "a.parquet").write_bytes(b"PAR1" + bytes(100))
    with pytest.raises(InputError, match=r"a\.parquet cannot be read"):
        described(tmp_path, "a.parquet")


def test_each_sheet_of_a_workbook(tmp_path: Path) -> None:
    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.Workbook()
    book.active.title = "first"
    for row in [("name", "count"), *((f"n{number % 2}", number) for number in range(50))]:
        book.active.append(row)
    book.create_sheet("empty")
    book.create_sheet("second").append(("only", "header"))
    book.save(tmp_path / "a.xlsx")
    text = described(tmp_path, "a.xlsx")
    assert "Table `a.xlsx, sheet first`: 50 rows × 2 columns." in text
    assert "|count|integer|0|0 – 49, mean 24.5|" in text
    assert '|name|text|0|2 different: "n0" (25), "n1" (25)|' in text
    assert "sheet second`: 0 rows × 2 columns" in text


def test_a_workbook_stays_a_file_for_a_model_that_reads_files(tmp_path: Path) -> None:
    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.Workbook()
    book.active.append(("a", "b"))
    book.save(tmp_path / "a.xlsx")
    (found,) = gather(Attach(files=("a.xlsx",), cwd=tmp_path, as_documents=True))
    assert (found.kind, found.filename) == ("document", "a.xlsx")
    assert found.data == (tmp_path / "a.xlsx").read_bytes()


# --- DataFrames


def test_frames_of_every_library_are_described_alike() -> None:
    pandas, polars = pytest.importorskip("pandas"), pytest.importorskip("polars")
    data = {"number": [1.5, None, 3.0], "word": ["x", "y", "x"], "count": [1, 2, 3]}
    texts = [of_variable(kind(data)) for kind in (pandas.DataFrame, polars.DataFrame)]
    texts.append(of_variable(polars.DataFrame(data).to_arrow()))
    for text in texts:
        assert text.startswith("Table `it`: 3 rows × 3 columns.")
        assert "|number|Float64|1|1.5 – 3, mean 2.25|" in text
        assert '|word|String|0|2 different: "x" (2), "y" (1)|' in text
        assert "|count|Int64|0|1 – 3, mean 2|" in text
        assert "All rows:\n\n|number|word|count|\n|---|---|---|\n|1.5|x|1|\n||y|2|\n|3|x|3|\n" in text


def test_an_index_that_means_something_is_shown() -> None:
    pandas = pytest.importorskip("pandas")
    days = pandas.date_range("2024-01-01", periods=30, name="day")
    text = of_variable(pandas.Series(range(30), index=days, name="visits"))
    assert "|day|Datetime|0|2024-01-01 – 2024-01-30|" in text
    assert "|2024-01-30|29|" in text


def test_frames_that_are_not_regular_show_themselves() -> None:
    pandas = pytest.importorskip("pandas")
    text = of_variable(pandas.DataFrame([[1, 2]], columns=["a", "a"]))
    assert "0  1  2" in text


def test_a_lazy_frame_is_not_computed() -> None:
    polars = pytest.importorskip("polars")
    frame = polars.LazyFrame({"a": range(100)}).with_columns(b=polars.col("a") * 2)
    text = of_variable(frame, rows=2)
    assert "rows not counted × 2 columns" in text
    assert text.endswith("|a|b|\n|---|---|\n|0|0|\n|1|2|\n")


def test_a_description_is_the_same_every_time() -> None:
    polars = pytest.importorskip("polars")
    frame = polars.DataFrame({"word": [f"w{number % 40}" for number in range(4000)]})
    assert len({of_variable(frame) for _ in range(5)}) == 1


def test_a_column_that_cannot_be_counted_does_not_spoil_the_others() -> None:
    pandas = pytest.importorskip("pandas")
    text = of_variable(pandas.DataFrame({"tags": [["a"], ["b", "c"]], "n": [1, 2]}))
    assert "|tags|Object|0|" in text
    assert "|n|Int64|0|1 – 2, mean 1.5|" in text


@pytest.mark.parametrize("names", [[2019, 2020], [("a", 1), ("b", None)], [None, "x"]])
def test_columns_of_pandas_may_be_called_anything(names: list[Any]) -> None:
    pandas = pytest.importorskip("pandas")
    assert "|Int64|0|always 2|" in of_variable(pandas.DataFrame([[1, 2]], columns=pandas.Index(names)))


def test_categories_that_nothing_is_in_are_not_counted() -> None:
    pandas = pytest.importorskip("pandas")
    series = pandas.Series(pandas.Categorical(["a", "a"], categories=["a", "b"]), name="kind")
    assert '1 different: "a" (2)' in of_variable(series)


def test_infinite_values_are_counted_and_the_others_described(recwarn: pytest.WarningsRecorder) -> None:
    pandas = pytest.importorskip("pandas")
    text = of_variable(pandas.DataFrame({"it": [1.0, float("inf"), float("-inf"), 3.0]}))
    assert "1 – 3, mean 2, 2 infinite" in text
    assert not recwarn.list


def test_a_value_that_pandas_calls_missing_is_an_empty_cell() -> None:
    pandas = pytest.importorskip("pandas")
    assert "|1|\n||" in of_variable(pandas.DataFrame({"it": pandas.array([1, None], dtype="Int64")}))


def test_a_column_of_tokens_holds_words_and_one_of_passwords_does_not() -> None:
    frame = pytest.importorskip("pandas").DataFrame({"token": ["the", "cat"], "tag": ["DET", "NOUN"]})
    assert "the" in of_variable(frame)
    with pytest.raises(InputError, match="has a column called password"):
        of_variable(frame.assign(password="abc"))


def test_values_of_a_series_are_no_names_of_secrets() -> None:
    pandas = pytest.importorskip("pandas")
    assert "token" in of_variable(pandas.Series(["token", "word"]))


@pytest.mark.parametrize(
    ("header", "row", "names"),
    [
        (",a,b", "0,1,2", ["column 1", "a", "b"]),
        (",0,1", "0,5,6", ["column 1", "0", "1"]),
        ("land,2019,2020", "FR,1.5,2.5", ["land", "2019", "2020"]),
        ("Paris,2019", "Rome,2020", ["column 1", "column 2"]),
        ("Paris,,3", "Rome,4,5", ["column 1", "column 2", "column 3"]),
    ],
)
def test_what_is_a_header(tmp_path: Path, header: str, row: str, names: list[str]) -> None:
    (tmp_path / "a.csv").write_text(f"{header}\n" + f"{row}\n" * 3000, encoding="utf-8")
    text = described(tmp_path, "a.csv")
    assert "|" + "|".join(names) + "|\n" in text


def test_decimal_commas_are_no_delimiters(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("a;b\n" + "1,5;2,5\n" * 3000, encoding="utf-8")
    assert "3,000 rows × 2 columns" in described(tmp_path, "a.csv")


def test_fields_beyond_the_header_are_not_left_out_in_silence(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("a,b\n" + "1,2\n" * 3000 + "1,2,3\n", encoding="utf-8")
    assert "Rows with more fields than the header has names: 1." in described(tmp_path, "a.csv")


def test_formulas_that_nobody_computed_are_not_blank_in_silence(tmp_path: Path) -> None:
    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.Workbook()
    for row in (["a", "b"], [1, "=A2*2"], [2, "=A3*2"]):
        book.active.append(row)
    book.save(tmp_path / "a.xlsx")
    assert "Formulas without a result in the file, shown as empty cells: 2." in described(tmp_path, "a.xlsx")


def test_a_hidden_sheet_is_named_before_it_is_sent(tmp_path: Path) -> None:
    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.Workbook()
    book.active.append(["a", "b"])
    salaries = book.create_sheet("salaries")
    salaries.append(["name", "salary"])
    salaries.sheet_state = "hidden"
    book.save(tmp_path / "a.xlsx")
    (found,) = gather(Attach(files=("a.xlsx",), cwd=tmp_path))
    assert found.note.endswith("2 sheets, hidden ones among them: salaries")


def test_a_type_that_only_pandas_has_is_named_as_pandas_names_it() -> None:
    pandas = pytest.importorskip("pandas")
    text = of_variable(pandas.DataFrame({"month": pandas.period_range("2020-01", periods=3, freq="M")}))
    assert "|month|period[M]|0|" in text


def test_what_has_keys_of_another_kind_is_described_too() -> None:
    grouped = pytest.importorskip("pandas").DataFrame({"a": [1, 1], "b": [2, 3]}).groupby("a")
    assert "DataFrameGroupBy" in of_variable(grouped)


# --- what an analyst asks about


def test_a_few_values_are_all_shown_with_the_blanks_that_they_have() -> None:
    pandas = pytest.importorskip("pandas")
    towns = ["Rome"] * 5 + ["Rome ", " Rome", "rome", "N/A", ""] + [f"town {number}" for number in range(14)]
    text = of_variable(pandas.DataFrame({"town": towns}))
    assert '20 different: "Rome" (5), "" (1), " Rome" (1), "N/A" (1), "Rome " (1), "rome" (1), "town 0" (1)' in text
    assert '"town 13" (1)' in text


def test_of_many_values_the_rarest_are_shown_too(tmp_path: Path) -> None:
    values = [f"shop {number % 30}" for number in range(3000)] + ["shp 7", "Shop 7"]
    (tmp_path / "a.csv").write_text("id,shop\n" + "".join(f"{n},{each}\n" for n, each in enumerate(values)), "utf-8")
    frame = pytest.importorskip("polars").DataFrame({"shop": values})
    for text in (described(tmp_path, "a.csv"), of_variable(frame)):
        assert '32 different; most often "shop 0" (100)' in text
        assert 'rarest "shop 9" (100), "Shop 7" (1), "shp 7" (1)' in text


def test_types_that_do_not_fit_are_named(tmp_path: Path) -> None:
    lines = "".join(f"{n}.5,2024-01-0{1 + n % 9}\n" for n in range(1000)) + "12;5,31/31/2024\nn/a,2024-01-01\n"
    (tmp_path / "a.csv").write_text("price,day\n" + lines, encoding="utf-8")
    text = described(tmp_path, "a.csv")
    assert '|price|text|1|mostly numbers, but for 1: "12;5" (1)' in text
    assert 'missing written as "n/a" (1)' in text
    assert '|day|text|0|mostly dates, but for 1: "31/31/2024" (1)' in text
    pandas = pytest.importorskip("pandas")
    columns = {"code": ["1", "2", "3"], "mixed": [1, "1", 2.5], "when": ["2024-01-01", "2024-01-02", "2024-01-03"]}
    text = of_variable(pandas.DataFrame(columns))
    assert "|code|String|0|numbers as text; 3 different" in text
    assert "|when|String|0|dates as text; 3 different" in text
    assert "|mixed|Object|0|mixed types: int (1), str (1), float (1); 3 different" in text


def test_a_number_among_many_texts_that_is_none_is_found() -> None:
    frame = pytest.importorskip("pandas").DataFrame({"price": [f"{number}.25" for number in range(20_000)] + ["12,5"]})
    assert '|price|String|0|mostly numbers as text, but for 1: "12,5" (1); all different' in of_variable(frame)


def test_among_many_objects_the_frequent_and_the_rare_ones_are_named() -> None:
    values = ["n/a", *range(3_000)] + ["n/a"] * 9 + [7] * 5 + list(range(10, 3_000)) * 2
    frame = pytest.importorskip("pandas").DataFrame({"code": values, "key": [(each,) for each in range(len(values))]})
    text = of_variable(frame)
    mixed = "mixed types: int (8,985), str (10); 3,001 different"
    assert f'|code|Object|0|{mixed}; most often "n/a" (10), 7 (6); rarest 6 (1), 8 (1), 9 (1)' in text
    assert "|key|Object|0|all different, such as (0,)|" in text
    texts = [f"shop {number}" for number in range(3_000)] + ["shop 7"] * 5
    frame = pytest.importorskip("pandas").DataFrame({"shop": texts})
    assert '3,000 different; most often "shop 7" (6)' in of_variable(frame)


def values_of_a_table(folder: Path) -> dict[str, Any]:
    """A table as a variable and in every file that there is, with values that are found nowhere else."""
    pandas, polars = pytest.importorskip("pandas"), pytest.importorskip("polars")
    pytest.importorskip("pyarrow"), pytest.importorskip("openpyxl")
    frame = pandas.DataFrame(
        {
            "name": ["Zebedee", "Quintus"] * 40,
            "pay": [48151623, 42108150] * 40,
            "kind": pandas.Categorical(["Xylophone", "Yurt"] * 40),
            "day": pandas.to_datetime(["1987-06-05", "1987-06-06"] * 40),
        }
    )
    frame.to_csv(folder / "a.csv", index=False)
    frame.head(2).to_csv(folder / "small.csv", index=False)
    frame.to_parquet(folder / "a.parquet")
    frame.to_feather(folder / "a.arrow")
    frame.to_excel(folder / "a.xlsx", index=False)
    return {
        "frame": frame,
        "series": frame["name"],
        "twice": pandas.concat([frame, frame], axis=1),
        "polars": polars.DataFrame(frame.to_dict("list")),
        "lazy": polars.LazyFrame(frame.to_dict("list")),
        "rows": frame.to_dict("records"),
        "array": frame["pay"].to_numpy(),
        "text": "Zebedee",
    }


def test_without_values_no_value_of_a_table_is_sent(tmp_path: Path) -> None:
    namespace = values_of_a_table(tmp_path)
    files = ("a.csv", "small.csv", "a.parquet", "a.arrow", "a.xlsx")
    found = gather(Attach(files=files, variables=(*namespace,), namespace=namespace, cwd=tmp_path, values=False))
    sent = "\n".join(f"{each.note}\n{each.text}" for each in found)
    for value in ("Zebedee", "Quintus", "48151623", "48,151,623", "42108150", "Xylophone", "Yurt", "1987"):
        assert value not in sent, sent
    for known in ("|name|String|0|", "|pay|Int64|0|", "80 rows × 4 columns", "list, 80 items", "int64"):
        assert known in sent, sent
