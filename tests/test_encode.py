"""Conversations as ids: Qwen's chat format, and only the policy's own words trained."""

import pytest

pytest.importorskip("torch")

from agents.boxes import Size
from agents.dialects import IMAGE, Dialect, Turn
from pipeline.training.encode import IGNORED, Encoded, Encoder
from pipeline.training.errors import EncodingError
from pipeline.training.pixels import blank
from tests.policies import example, gold, manner, policy

DIALECTS = pytest.mark.parametrize("dialect", list(Dialect))


@pytest.fixture(scope="module")
def encoder() -> Encoder:
    return policy().encoder


def trained_text(encoded: Encoded, encoder: Encoder) -> str:
    return encoder.decode([one for one, on in zip(encoded.ids, encoded.trained, strict=True) if on])


def test_a_conversation_is_written_as_qwen_writes_it(encoder: Encoder) -> None:
    turns = [Turn("system", ("Be kind.",)), Turn("user", (IMAGE, "What?")), Turn("assistant", ("EXIT",))]
    text = encoder.decode(encoder.conversation(turns, [blank(Size(56, 28))]).ids)
    assert text == (
        "<|im_start|>system\nBe kind.<|im_end|>\n"
        "<|im_start|>user\n<|vision_start|><|image_pad|><|image_pad|><|vision_end|>What?<|im_end|>\n"
        "<|im_start|>assistant\nEXIT<|im_end|>\n"
    )


def test_an_inline_crop_enters_right_after_its_token(encoder: Encoder) -> None:
    text = encoder.decode(example(looks=1).encoded(encoder, manner()).ids)
    assert "<|box_end|> <|image_zoomin|><|vision_start|><|image_pad|>" in text
    assert text.count("<|im_start|>assistant") == 1


@DIALECTS
@pytest.mark.parametrize("looks", [0, 1, 2])
def test_only_what_the_policy_writes_is_trained(dialect: Dialect, looks: int, encoder: Encoder) -> None:
    how = manner(dialect)
    one = example(looks=looks, how=how)
    assert trained_text(one.encoded(encoder, how), encoder) == gold(one, how) + "<|im_end|>"


@DIALECTS
def test_no_picture_token_is_trained(dialect: Dialect, encoder: Encoder) -> None:
    encoded = example(looks=2, how=manner(dialect)).encoded(encoder, manner(dialect))
    special = {encoder.start, encoder.pad, encoder.close}
    assert special <= set(encoded.ids)
    assert not any(on for one, on in zip(encoded.ids, encoded.trained, strict=True) if one in special)


def test_pictures_and_places_must_agree(encoder: Encoder) -> None:
    turn = [Turn("user", (IMAGE, "What?"))]
    with pytest.raises(EncodingError, match="fewer pictures"):
        encoder.conversation(turn, [])
    with pytest.raises(EncodingError, match="more pictures"):
        encoder.conversation(turn, [blank(Size(28, 28))] * 2)


def test_a_picture_token_without_its_picture_is_found_and_not_dropped(encoder: Encoder) -> None:
    whole = example().encoded(encoder, manner())
    with pytest.raises(EncodingError, match="picture tokens stand in the text"):
        encoder.checked(whole._replace(ids=(*whole.ids, encoder.pad), trained=(*whole.trained, True)))


@DIALECTS
def test_the_length_is_known_without_opening_a_photo(dialect: Dialect, encoder: Encoder) -> None:
    how = manner(dialect)
    one = example(looks=2, how=how)
    closed = one._replace(photo=Closed(one.photo.size))  # type: ignore[arg-type]
    assert closed.length(encoder, how) == len(one.encoded(encoder, how).ids)


class Closed:
    """A photo that cannot be opened."""

    def __init__(self, size: Size) -> None:
        self.size = size


@pytest.mark.parametrize("left", [False, True])
def test_a_batch_pads_on_the_side_asked_for(left: bool, encoder: Encoder) -> None:
    short, long = encoder.text("a", trained=True), encoder.text("a b c d", trained=True)
    batch = encoder.batch([short, long], left=left)
    missing = len(long.ids) - len(short.ids)
    expected = [0] * missing + [1] * len(short.ids) if left else [1] * len(short.ids) + [0] * missing
    assert batch["attention_mask"].tolist() == [expected, [1] * len(long.ids)]
    assert (batch["labels"] == IGNORED).tolist() == (batch["attention_mask"] == 0).tolist()


def test_a_batch_tells_pictures_from_words(encoder: Encoder) -> None:
    batch = encoder.batch([example().encoded(encoder, manner())])
    assert batch["mm_token_type_ids"].sum() * 4 == batch["pixel_values"].shape[0]
    assert batch["image_grid_thw"].shape == (2, 3)


def test_a_tokenizer_of_another_make_is_refused() -> None:
    class Plain:
        def get_vocab(self) -> dict[str, int]:
            return {"a": 0}

    with pytest.raises(EncodingError, match="not a Qwen-VL model"):
        Encoder(Plain())  # type: ignore[arg-type]
