"""The Chinese edition is complete, is Chinese, and says things with the words of the glossary."""

from __future__ import annotations

import itertools
import re
import subprocess
import sys
from pathlib import Path

import pytest
from babel.messages.pofile import read_po
from docutils import core

ROOT = Path(__file__).resolve().parents[2]
CATALOGUES = ROOT / "docs" / "locale" / "zh_CN" / "LC_MESSAGES"
PAGES = ("ota-updates", "glossary")

CHINESE = re.compile(r"[\u4e00-\u9fff\u3000-\u303f\uff00-\uffef]")
LITERAL = re.compile(r"``.+?``")
LINK = re.compile(r"(?<!:)`([^`<]*)<([^>]+)>`(_+)")
ROLE = re.compile(r":(\w+):`(?:([^`<]*)<([^>]+)>|([^`<]+))`")
ENTRY = re.compile(r"([^a-z]+)。 ")
QUOTED = re.compile(r"“[^”]*”|（[^）]*）|over the air|session present")
ENGLISH = re.compile(r"\b[a-z]{2,}\b")
NAMES = {"otakit"}

WORDS = {
    "firmware": "固件",
    "software": "软件",
    "OTA update": "OTA 升级",
    "package": "包",
    "checksum": "校验和",
    "checksum algorithm": "校验和算法",
    "version tag": "版本标签",
    "assigned firmware": "分配的固件|已分配固件",
    "access token": "访问令牌",
    "shared attribute": "共享属性",
    "device profile": "设备配置",
    "telemetry": "遥测",
    "chunk": "分块",
    "recording": "录制",
    "image": "镜像",
    "twin": "模拟服务器",
    "status": "状态",
    "packet": "报文",
    "Topic Filter": "主题过滤器",
}
"""A word of the pages, and what it is called in Chinese: ThingsBoard's own interface, else ours."""


def translations(page: str) -> list[tuple[str, str]]:
    """Each message of a page with its translation."""
    with (CATALOGUES / f"{page}.po").open("rb") as stream:
        found = read_po(stream, locale="zh_CN", abort_invalid=True)
    return [(str(message.id), str(message.string)) for message in found if message.id]


def marks(text: str) -> list[tuple[str, ...]]:
    """Literals, links and roles with what they lead to, in any order: Chinese has an order of its own."""
    links = [("link", where, kind) for _, where, kind in LINK.findall(text)]
    roles = [(role, target or name) for role, _, target, name in ROLE.findall(text)]
    return sorted([*((found,) for found in LITERAL.findall(text)), *links, *roles])


def prose(text: str) -> str:
    """A text without its literals, and without where links and roles lead."""
    return LINK.sub(r"\1", ROLE.sub(r"\2", LITERAL.sub("", text)))


def as_read(text: str) -> str:
    """What docutils makes of it, marks taken away; a role is read by the same rule as a literal."""
    return str(core.publish_doctree(ROLE.sub("``role``", text), settings_overrides={"report_level": 5}).astext())


def is_english(text: str) -> bool:
    """Whether a message has words to translate: not only code, numbers, units and names."""
    return bool(re.search(r"[a-z]{2,}", prose(text))) and not CHINESE.search(text)


def test_no_entry_is_missing_fuzzy_or_left_over() -> None:
    """Held against the pages as they are now."""
    command = [sys.executable, str(ROOT / "docs" / "update_locale.py"), "--check"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("page", PAGES)
def test_literals_links_and_roles_are_those_of_the_english_text(page: str) -> None:
    """A topic or a payload is the same in each language, and so is where a link leads."""
    differ = [text for text, chinese in translations(page) if marks(text) != marks(chinese)]
    assert not differ


@pytest.mark.parametrize("page", PAGES)
def test_marks_beside_chinese_are_read_as_marks(page: str) -> None:
    """Inline markup ends before a blank or a closing sign only; elsewhere a backslash and a blank stand between."""
    unread = [chinese for _, chinese in translations(page) if re.search(r"`|\*\*|\\", as_read(chinese))]
    assert not unread


@pytest.mark.parametrize("page", PAGES)
def test_every_text_that_was_english_is_chinese(page: str) -> None:
    """An entry that repeats the English would pass as translated."""
    left = [text for text, chinese in translations(page) if is_english(text) and not CHINESE.search(prose(chinese))]
    assert not left


@pytest.mark.parametrize("page", PAGES)
def test_no_english_words_are_left_within_the_chinese(page: str) -> None:
    """But for quotations, and for the English name that stands in brackets behind a word."""
    told = {text: set(ENGLISH.findall(QUOTED.sub("", prose(chinese)))) - NAMES for text, chinese in translations(page)}
    assert not {text: words for text, words in told.items() if words and is_english(text)}


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("word", WORDS)
def test_a_word_is_called_what_the_glossary_calls_it(page: str, word: str) -> None:
    """One word, one meaning, in Chinese as well."""
    used = re.compile(rf"\b{word}s?\b", re.IGNORECASE)
    wanted = re.compile(WORDS[word])
    other = [
        f"{text}\n{chinese}"
        for text, chinese in translations(page)
        if is_english(text) and used.search(prose(text)) and not wanted.search(chinese)
    ]
    assert not other, "\n\n".join(other)


def test_the_glossary_gives_the_same_chinese_in_both_editions() -> None:
    """The English page names the Chinese word first; the Chinese page has it as the term, the English in brackets."""
    entries = translations("glossary")
    pairs = itertools.pairwise(entries)
    named = [(term, chinese, found[1]) for (term, chinese), (text, _) in pairs if (found := ENTRY.match(text))]
    assert len(named) >= 25
    assert [chinese for _, chinese, _ in named] == [f"{word}（{term}）" for term, _, word in named]


@pytest.mark.parametrize("page", PAGES)
def test_a_catalogue_names_no_person_no_tool_and_no_date(page: str) -> None:
    """So that making it again changes nothing."""
    head = (CATALOGUES / f"{page}.po").read_text(encoding="utf-8").split("\n\n", 1)[0]
    fields = {line[1:].split(":")[0] for line in head.splitlines() if line.startswith('"')}
    assert fields == {"Language", "Content-Type", "Content-Transfer-Encoding", "Plural-Forms"}
