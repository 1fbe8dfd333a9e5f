"""Who is asked, by name and by URL, and whose key it wants."""

import pytest

from qwen_magic.core.errors import ConfigurationError
from qwen_magic.service.endpoints import LOCAL_SERVERS, REGIONS, endpoint


@pytest.mark.parametrize("name", [*REGIONS, *LOCAL_SERVERS])
def test_every_name_is_an_endpoint(name: str) -> None:
    found = endpoint(name)
    assert found.base_url.startswith("http")
    assert found.base_url.endswith("/v1")


def test_regions_speak_both_protocols() -> None:
    assert endpoint("singapore").base_url == "https://dashscope-intl.aliyuncs.com/compatible-mode/v1"
    assert endpoint("singapore", "dashscope").base_url == "https://dashscope-intl.aliyuncs.com/api/v1"


@pytest.mark.parametrize(
    ("url", "protocol", "service", "account"),
    [
        ("https://dashscope.aliyuncs.com/compatible-mode/v1/", "compatible", True, "dashscope"),
        ("https://dashscope.aliyuncs.com/api/v1", "dashscope", True, "dashscope"),
        ("https://coding.dashscope.aliyuncs.com/v1", "compatible", True, "dashscope"),
        ("https://ws-1.cn-beijing.maas.aliyuncs.com/compatible-mode/v1", "compatible", True, "dashscope"),
        ("https://hub.example/user/me/qwen/compatible-mode/v1", "compatible", True, "hub.example"),
        ("https://openrouter.example/api/v1", "dashscope", True, "openrouter.example"),
        ("https://dashscope.aliyuncs.com.example/api/v1", "dashscope", True, "dashscope.aliyuncs.com.example"),
        ("https://notaliyuncs.com/compatible-mode/v1", "compatible", True, "notaliyuncs.com"),
        ("http://localhost:8000/v1", "compatible", False, "localhost"),
        ("https://provider.example/llm/v1", "compatible", False, "provider.example"),
    ],
)
def test_a_url_says_what_is_spoken_there(url: str, protocol: str, service: bool, account: str) -> None:
    found = endpoint(url)
    assert (found.protocol, found.dialect.service, found.account) == (protocol, service, account)
    assert found.needs_key is service


def test_the_protocol_of_a_url_can_be_changed() -> None:
    native = endpoint("https://host.example/compatible-mode/v1", "dashscope")
    assert (native.base_url, native.protocol) == ("https://host.example/api/v1", "dashscope")
    assert native.compatible.base_url == "https://host.example/compatible-mode/v1"
    service = endpoint("https://dashscope.aliyuncs.com/api/v1", "compatible")
    assert service.base_url == "https://dashscope.aliyuncs.com/compatible-mode/v1"


def test_somebody_elses_api_may_be_openais_all_the_same() -> None:
    found = endpoint("https://openrouter.example/api/v1", "compatible")
    assert found.base_url == "https://openrouter.example/api/v1"
    assert (found.protocol, found.dialect.service) == ("compatible", False)


@pytest.mark.parametrize(
    ("name", "keeps"),
    [
        ("beijing", True),
        ("singapore", False),
        ("us", False),
        ("hongkong", False),
        ("ollama", False),
        ("https://ws-1.cn-beijing.maas.aliyuncs.com/compatible-mode/v1", True),
        ("https://ws-1.ap-southeast-1.maas.aliyuncs.com/api/v1", False),
        ("https://coding.dashscope.aliyuncs.com/v1", False),
        ("https://proxy.example/api/v1", True),
    ],
)
def test_documents_are_uploaded_where_they_can_be_read(name: str, keeps: bool) -> None:
    assert endpoint(name).keeps_files is keeps


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("bejing", "Did you mean beijing"),
        ("moon", "Known are"),
        ("ftp://host/v1", "not an http"),
        ("http:///v1", "not an http"),
        ("http://host:99999/v1", "not a URL"),
        ("http://user:secret@host/v1", "password"),
        ("http://dashscope.aliyuncs.com/api/v1", "unencrypted"),
        ("http://host/v1?x=1", "more than a path"),
        ("http://localhost:8000", "http://localhost:8000/v1"),
        ("https://host/llm/v1/chat/completions", "want https://host/llm/v1\\."),
    ],
)
def test_what_is_no_endpoint_gets_one_clear_line(name: str, says: str) -> None:
    with pytest.raises(ConfigurationError, match=says) as caught:
        endpoint(name)
    assert "secret" not in str(caught.value)


def test_local_servers_do_not_speak_the_native_protocol() -> None:
    with pytest.raises(ConfigurationError, match="/api/v1"):
        endpoint("ollama", "dashscope")
