"""What a policy finally said: a reply without its markup, and the one candidate that it settles on.

Candidates (options, numbers, yes and no) are marked in a text first, each by one character that stands for it; what
is denied, weighed or concluded is then a matter of the words around the marks.
"""

import re
import unicodedata
from collections.abc import Iterator
from typing import NamedTuple

LONGEST = 20_000
"""Characters of a reply that are read, from its end."""
MARKS = "\ue000-\uf8fe"
"""The range of marks: characters of private use, which no plain reply holds."""
MARK = f"[{MARKS}]"
CUE = "\uf8ff"
"""Stands for words that announce an answer."""

_MARKUP = [
    (re.compile(pattern), instead)
    for pattern, instead in (
        # What cannot be seen, and signs for which there is a plain one.
        (r"[\ue000-\uf8ff\ufe0f\u00ad\u200b-\u200f\u2060\ufeff]", ""),
        (r"[\u201c\u201d\u201e\u00ab\u00bb\u300c\u300d\u300e\u300f]", '"'),
        (r"[\u2018\u2019\u00b4`]", "'"),
        (r"[\u2010-\u2013\u2212]", "-"),
        (r"\u2014", " - "),
        (r"\u3002", ". "),
        (r"[\u3010\u3014]", "("),
        (r"[\u3011\u3015]", ")"),
        (r"[\u2190-\u21ff\u2600-\u27bf\U0001f000-\U0001faff]", " "),
        # Thoughts and calls are not what was said; a thought that never ended leaves nothing.
        (r"(?s)<think>.*?</think>", " "),
        (r"(?s)^.*</think>", " "),
        (r"(?s)<think>.*", " "),
        (r"(?s)<tool_call>.*?(?:</tool_call>|$)", " "),
        (r"(?s)<\|box_start\|>.*?<\|box_end\|>", " "),
        (r"<\|[^|<>]{1,40}\|>", " "),
        (r"(?s)^.*<answer>", ""),
        (r"(?s)</answer>.*", ""),
        # LaTeX, HTML, Markdown.
        (r"\\(?:text|math)(?:bf|it|rm|sf|tt)?\s*\{([^{}]*)\}", r"\1"),
        (r"\\boxed\s*\{([^{}]*)\}", r"\nAnswer: \1\n"),
        (r"\\[()\[\]]", " "),
        (r"\\[,;:! ]|\\(?=[%$#&_])", ""),
        (r"\$([^$\n]+)\$", r"\1"),
        (r"(?i)<br\s*/?>", "\n"),
        (r"(?i)</?[a-z][^<>]{0,200}>", " "),
        (r"~~.*?~~", " "),
        (r"[^\S\n]+", " "),
        (r" ?\n\s*", "\n"),
        (r"(?m)^ ?(?:[#>]+|[*\u2022-])(?=\s)", ""),
        (r"(?<!\w)['*]{2,}|['*]{2,}(?!\w)|(?<!\w)\*|\*(?!\w)|__+", ""),
    )
]
_CUE = re.compile(
    rf"""(?ix)
    \b (?:answer|ans|option|choice|response|solution) ["'\]]* \s*
        (?: [:=]\s*-? | \s-\s | (?:is|would\ be|should\ be|must\ be)\b (?!n't) \s*:? )
    | \b (?:i|i'll|i\ will|i'd|i\ would|we|let\ me) \s+ (?:choose|pick|select|go\ with|opt\ for) \b \s*:?
    | \b (?:réponse|respuesta|antwort|risposta|resposta|ответ) (?: \s*: | \s+(?:est|es|ist|è|é)\b \s*:? )
    | (?:答案|答え|回答|정답) \s* [是为は은:]+
    | = (?=\s*{MARK})
    """
)
_RETRACTED = re.compile(
    r"""(?ix)
    (?: ^ | [.,;:!?…\n-] ) \s* (?: (?:oh|no|hmm+|oops|but) [\s,.:…-]+ )*
    (?: no (?=[,.:…])
    | (?: wait | hold\ on | actually | scratch\ that | correction | on\ second\ thought | sorry | my\ mistake | i\ mean
        | let\ me\ correct ) \b )
    """
)
_STATEMENT = re.compile(
    r"""(?ix)
    ( .*? )
    ( [.!?;:\n…] | \s-+\s | $
    | \b (?: (?<!all\ )(?<!anything\ )(?<!everything\ )but | because | since | as | so | while | whereas | although
        | though | therefore | thus | hence ) \b )
    """
)
_CLAUSE = re.compile(r"[,()\[\]{}\"\u3001]")
_DENIED = re.compile(
    r"""(?ix)
    \b (?: not(?!\ only) | no(?!\ (?:doubt|question)) | never | cannot | nor | nobody | nothing | if | whether | than
        | rather\ than | instead\ of | unlike | except | hardly | barely | scarcely | far\ from | used\ to | wrong
        | (?:all|anything|everything)\ but | eliminat\w+ | exclud\w+ | rul(?:e|ed|ing)\ out | incorrect
        | (?<!no\ )(?<!a\ )(?<!without\ )doubt | unlikely
        | pas | nicht | kein\w* | не ) \b
    | n't \b
    """
)
_DENIED_AFTER = re.compile(
    rf"""(?ix)
    {MARK} (?: \s* (?: (?:[,/&]|and\b|or\b|nor\b) \s* )? {MARK} ){{0,9}} \s*
    (?: (?: is | are | was | were | can | could | do | does | would | seems? | looks? )
        (?: n't | not | \s+ (?:\w+ly\s+)? (?:be\s+)?
            (?: not | wrong | incorrect | false | impossible | unlikely | out | excluded | eliminated | ruled\ out ) )
    | \s or\ (?:more|fewer|less)
    | \s and\ (?:a|one)\ half ) \b
    """
)
_NEITHER = re.compile(r"(?i)\b(?:neither|none)\b.*")
_ELSE = re.compile(r"(?i)\b(?:other|another|else)\b")
_EARLIER = re.compile(r"(?i)\b(?:previous|earlier|first|initial|possible|plausible)\b")
_DOUBT = re.compile(r"(?i)\b(?:or|either|both|also|maybe|perhaps|possibly|might|may|could|alternatively|between)\b")
_UNSEEN = re.compile(
    r"(?i)(?:n't|\b(?:not|cannot|unable to))\s+(?:\w+\s+){0,2}"
    r"(?:see|seen|tell|told|determined?|identif(?:y|ied)|visible|clear|sure|certain|read|readable|shown|ma[dk]e out)\b"
)
_WORD = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)?")
_FILLING = re.compile(
    r"""(?ix)
    a | about | actually | almost | an | answer | appears | approximately | are | around | be | believe | best
    | can | certainly | choice | choose | clearly | color | colour | correct | definitely | do | exactly
    | final | finally | go | going | guess | here | i | i'd | i'll | i'm | in | is | it | it's | just | letter | likely
    | looks | maybe | me | must | my | of | one | ones | only | option | our | perhaps | pick | picked | probably
    | right | roughly | say | see | seems | should | sure | that | that's | the | there | there's | these | they
    | they're | think | this | to | total | visible | was | we | were | which | with | would | yes | you
    """
)
"""Words beside which a candidate still stands alone."""


def mark(number: int) -> str:
    """The character that stands for a candidate."""
    return chr(ord(MARKS[0]) + number)


def plain(reply: str) -> str:
    """A reply as prose: its last answer tag, or all but the thoughts, without Markdown, LaTeX, HTML and tokens."""
    text = unicodedata.normalize("NFKC", reply[-LONGEST:])
    for pattern, instead in _MARKUP:
        text = pattern.sub(instead, text)
    return text.strip()


def cued(text: str) -> str:
    """A text after its last correction of itself, with CUE wherever it announces an answer."""
    kept = _RETRACTED.split(text)[-1]
    return _CUE.sub(lambda found: found[0] if _is_denied(kept[: found.start()]) else CUE, kept)


def announced(text: str) -> str:
    """What follows the last announcement of an answer, or all of a text that has none."""
    return cued(text).rsplit(CUE, 1)[-1].strip()


def denies(text: str) -> bool:
    """Whether a text says of something that it is not, is another, or only may be."""
    return any(pattern.search(text) for pattern in (_DENIED, _NEITHER, _ELSE, _DOUBT))


def settled(text: str, spare: int = 0) -> str | None:
    """The mark that a cued text settles on; None where it names none, or leaves open which.

    It is the only one that is affirmed, or the only one that a statement is about and nothing else, but for at most
    `spare` words: what is considered before it or explained after it does not count, what is doubted after it does.
    """
    named = [part for part in text.split(CUE) if re.search(MARK, part)]
    made = [one for one in _statements(named[-1], spare) if one.marks] if named else []
    affirmed = {sign for one in made for sign in one.marks}
    firm = {sign for one in made if one.firm for sign in one.marks}
    if len(affirmed) == 1 and (firm or not _UNSEEN.search(text)):
        return affirmed.pop()
    if len(firm) != 1:
        return None
    (said,) = firm
    after = made[next(number for number, one in enumerate(made) if one.firm) :]
    return None if any(one.doubtful and one.marks != {said} for one in after) else said


class _Statement(NamedTuple):
    marks: set[str]
    """The candidates that it affirms."""
    firm: bool
    """It is about nothing else."""
    doubtful: bool


def _statements(text: str, spare: int) -> Iterator[_Statement]:
    for words, end in _STATEMENT.findall(text):
        kept = [_affirmed(clause) for clause in _CLAUSE.split(_DENIED_AFTER.sub(" ", _NEITHER.sub(" ", words)))]
        marks = set(re.findall(MARK, "".join(kept)))
        firm = all(_others(clause) <= spare for clause in kept if re.search(MARK, clause))
        if firm or end != "?":  # what is asked is not said
            yield _Statement(marks, firm, bool(_DOUBT.search(words)))


def _affirmed(clause: str) -> str:
    """A clause up to where it begins to deny."""
    found = _DENIED.search(clause)
    return clause[: found.start()] if found else clause


def _others(clause: str) -> int:
    """How many words of a clause are more than filling."""
    return sum(not _FILLING.fullmatch(word) for word in _WORD.findall(clause))


def _is_denied(before: str) -> bool:
    """Whether what comes next is denied, or not the last word, by the words before it."""
    sentence = re.split(r"[.!?;\n]|\bbut\b", before[-120:])[-1]
    clause = _CLAUSE.split(sentence)[-1]
    return any(pattern.search(clause) for pattern in (_DENIED, _ELSE, _EARLIER))
