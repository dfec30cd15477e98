"""What the words say: every kind of cue in both languages, negation, spans that point at the words, and any
text at all."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from magic_demo.cues.cues import Cue, find_cues


def _names(text: str) -> set[str]:
    return {cue.name for cue in find_cues(text)}


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("There is a sore patch on my scalp.", "site:head"),
        ("A spot under his left eyelid", "site:head"),
        ("Bumps behind the ears", "site:head"),
        ("The nape is rough", "site:neck"),
        ("My fingertips peel", "site:upper"),
        ("a rash near both elbows", "site:upper"),
        ("Papules over the shins", "site:lower"),
        ("the sole of the right foot", "site:lower"),
        ("Spots around the navel", "site:front"),
        ("it is between the shoulder blades", "site:back"),
        ("Only the trunk is affected", "site:trunk"),
        ("small lump in the groin", "site:groin"),
        ("all four limbs", "site:limbs"),
        ("It is all over the body", "site:everywhere"),
        ("额头上有一块", "site:head"),
        ("脖子后面起疹", "site:neck"),
        ("右前臂皮疹", "site:upper"),
        ("手背红斑", "site:upper"),
        ("双小腿胫前", "site:lower"),
        ("脚趾缝脱皮", "site:lower"),
        ("肚脐周围", "site:front"),
        ("腰背部皮疹", "site:back"),
        ("躯干起疹", "site:trunk"),
        ("腹股沟红肿", "site:groin"),
        ("胳肢窝里有小包", "site:axilla"),
        ("夹肢窝脱皮", "site:upper"),
        ("tinea capitis in a boy", "site:head"),
        ("全身起疹", "site:everywhere"),
        ("hands and feet", "site:upper"),
        ("hands and feet", "site:lower"),
        ("掌跖脓疱", "site:lower"),
        ("右脚大拇指", "site:lower"),
        ("It itches at night", "itch:yes"),
        ("Pruritus for a while", "itch:yes"),
        ("瘙痒难忍", "itch:yes"),
        ("發癢", "itch:yes"),
        ("slightly itchy", "itch degree:mild"),
        ("extremely itchy", "itch degree:severe"),
        ("微痒", "itch degree:mild"),
        ("奇痒", "itch degree:severe"),
        ("A single nodule", "count:single"),
        ("有一个小结节", "count:single"),
        ("multiple scattered lesions", "count:multiple"),
        ("多个丘疹", "count:multiple"),
        ("as large as a grain of rice", "size:tiny"),
        ("绿豆大小", "size:tiny"),
        ("the size of a palm", "size:palm"),
        ("巴掌大", "size:palm"),
        ("a large area of the leg", "size:large"),
        ("大面积皮疹", "size:large"),
        ("generalized rash", "extent:widespread"),
        ("泛发性皮疹", "extent:widespread"),
        ("局部皮疹", "extent:local"),
        ("red spots", "colour:red"),
        ("暗红色斑", "colour:red"),
        ("brownish patch", "colour:brown"),
        ("褐色斑片", "colour:brown"),
        ("the patch turned white", "colour:white"),
        ("skin-colored papules", "colour:skin"),
        ("色素沉着", "colour:darker"),
        ("hypopigmented macules", "colour:lighter"),
        ("raised papules", "surface:bump"),
        ("高出皮面的丘疹", "surface:bump"),
        ("flat spots", "surface:flat"),
        ("small blisters", "surface:blister"),
        ("水疱", "surface:blister"),
        ("the skin is thickened", "surface:thick"),
        ("皮肤增厚", "surface:thick"),
        ("yellow crusts", "surface:crust"),
        ("结痂", "surface:crust"),
        ("it oozes a clear fluid", "surface:weep"),
        ("有渗出", "surface:weep"),
        ("warty growth", "surface:wart"),
        ("寻常疣", "surface:wart"),
        ("cracked and ulcerated", "surface:sunken"),
        ("rough to the touch", "surface:rough"),
        ("表面粗糙", "surface:rough"),
        ("smooth surface", "surface:smooth"),
        ("表面光滑", "surface:smooth"),
        ("peeling with scales", "surface:scale"),
        ("脱屑", "surface:scale"),
        ("painful when touched", "pain:yes"),
        ("疼痛", "pain:yes"),
        ("no discomfort at all", "symptom:none"),
        ("无自觉症状", "symptom:none"),
        ("present since birth", "course:from birth"),
        ("自幼就有", "course:from birth"),
        ("a two-year-old boy", "patient:child"),
    ],
)
def test_each_kind_of_cue_is_found(text: str, name: str) -> None:
    assert name in _names(text)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("No itching.", "itch:no"),
        ("It does not itch", "itch:no"),
        ("It doesn't hurt or itch.", "itch:no"),
        ("It doesn’t itch", "itch:no"),
        ("Without pain or itching", "itch:no"),
        ("neither painful nor itchy", "itch:no"),
        ("The itching sensation is not obvious.", "itch:no"),
        ("She denies itching", "itch:no"),
        ("There was no fever, pain, or itching.", "itch:no"),
        ("itching is absent", "itch:no"),
        ("painless and non-itchy spots", "itch:no"),
        ("不痒", "itch:no"),
        ("不痛不痒", "itch:no"),
        ("无瘙痒", "itch:no"),
        ("无疼痛、瘙痒", "itch:no"),
        ("没有痒感", "itch:no"),
        ("否认瘙痒", "itch:no"),
        ("不觉得痒", "itch:no"),
        ("瘙痒不明显", "itch:no"),
        ("感觉不到痒", "itch:no"),
        ("不癢", "itch:no"),
        ("no pain", "pain:no"),
        ("不疼", "pain:no"),
        ("no lesions on the face", "site:not head"),
        ("面部无皮疹，头皮没有", "site:not head"),
        ("躯干无皮损", "site:not trunk"),
        ("手掌、脚掌无皮疹", "site:not upper"),
    ],
)
def test_what_is_denied_is_named_as_denied(text: str, name: str) -> None:
    cues = find_cues(text)
    assert name in {cue.name for cue in cues}
    assert all(cue.negated for cue in cues if cue.name == name)
    assert not {"itch:yes", "pain:yes"} & {
        cue.name for cue in cues if cue.name.partition(":")[0] == name.partition(":")[0]
    }


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("No fever, itching for two days", "itch:yes"),
        ("It is not only red, it itches", "itch:yes"),
        ("No fever but it itches", "itch:yes"),
        ("I cannot bear the itching", "itch:yes"),
        ("The rash did not improve; itching at night", "itch:yes"),
        ("奇痒无比", "itch:yes"),
        ("非常痒", "itch:yes"),
        ("忍不住抓，很痒", "itch:yes"),
        ("不疼有些痒", "itch:yes"),
        ("用药无效，瘙痒", "itch:yes"),
        ("不明原因瘙痒", "itch:yes"),
        ("不痛，但是很痒", "itch:yes"),
    ],
)
def test_what_is_not_denied_is_not(text: str, name: str) -> None:
    assert name in _names(text)


@pytest.mark.parametrize(
    ("text", "absent"),
    [
        ("on the back of her left hand", "site:back"),
        ("The rash came back last week", "site:back"),
        ("手背红斑", "site:back"),
        ("右手背部水疱", "site:back"),
        ("脚大拇指发红", "site:upper"),
        ("伤口周围出现水疱", "site:head"),
        ("under the hair follicles", "site:head"),
        ("手术后出现皮疹", "site:upper"),
        ("请各位高手指点", "site:upper"),
        ("外用乳膏", "site:front"),
        ("口服头孢", "site:head"),
        ("皮损表面光滑", "site:head"),
        ("rarely redundant", "colour:red"),
        ("a shin", "site:head"),
        ("白天加重", "colour:white"),
        ("a patch on the belly, the size of a palm", "site:upper"),
        ("as it grew, it was as big as a fingernail", "site:nail"),
        ("肚皮上一块手掌大小的红斑", "site:upper"),
        ("腿上拇指大小的包", "site:upper"),
        ("耳朵背的皮肤破了", "site:back"),
        ("医生的眼神", "site:head"),
        ("三天左右消退", "extent:one sided"),
        ("if left untreated it goes away", "extent:one sided"),
        ("is this jock itch?", "itch:yes"),
        ("止痒药膏", "itch:yes"),
        ("an anti-itch cream", "itch:yes"),
        ("<head><title>hand</title></head>", "site:head"),
        ("see https://example.org/itchy-hands", "itch:yes"),
    ],
)
def test_words_inside_other_words_say_nothing(text: str, absent: str) -> None:
    assert absent not in _names(text)


@pytest.mark.parametrize(
    "text",
    [
        "Red itchy bumps on BOTH hands for three weeks.",
        "双手红色丘疹三周，瘙痒明显，无渗出。",
        "İch: itchy 手背 😀 red",
    ],
)
def test_spans_point_at_the_words(text: str) -> None:
    words = {
        "itch:yes": ("itchy", "瘙痒"),
        "site:upper": ("hands", "双手", "手背"),
        "colour:red": ("red", "红色"),
    }
    cues = find_cues(text)
    for name, expected in words.items():
        spans = [text[cue.start : cue.end].lower() for cue in cues if cue.name == name]
        assert spans and all(span in expected for span in spans)


def test_a_longer_phrase_takes_the_shorter_ones_place() -> None:
    text = "the back of the hand"
    assert [text[cue.start : cue.end] for cue in find_cues(text) if cue.name == "site:upper"] == [
        "back of the hand"
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a rash", []),
        ("A rash on the shin, on both shins.", ["some"]),
        ("Both shins and the belly are red, no spots on the face.", ["some", "several"]),
        ("面部、背部、小腿和手背都有", ["some", "several", "many"]),
    ],
)
def test_the_regions_that_are_named_are_counted(text: str, expected: list[str]) -> None:
    cues = [cue for cue in find_cues(text) if cue.name.startswith("regions:")]
    assert [cue.name.partition(":")[2] for cue in cues] == expected
    sites = {
        (cue.start, cue.end) for cue in find_cues(text) if cue.name.startswith("site:") and not cue.negated
    }
    assert {(cue.start, cue.end) for cue in cues} <= sites


def test_the_onset_is_one_duration_among_those_named() -> None:
    cues = find_cues("Diabetes for 12 years. Five days ago a ring on the trunk. Took pills for 2 weeks.")
    assert [cue.name for cue in cues if cue.name.startswith("onset:")] == ["onset:within days"]
    assert {cue.name for cue in cues if cue.name.startswith("duration:")} == {
        "duration:multiple years",
        "duration:within days",
        "duration:within weeks",
    }


@pytest.mark.parametrize("text", ["", " ", "\n\t", "12345", "😀😀", "????", "<br><br>"])
def test_a_text_without_words_has_no_cues(text: str) -> None:
    assert find_cues(text) == ()


@pytest.mark.parametrize(
    "piece",
    [
        "itchy red rash on both hands for two years, no pain. ",
        "双手红色丘疹两年，瘙痒，无疼痛。",
        "a-",
        "no ",
        "不",
        "1 ",
        "<",
        "years ",
        "一年",
        "back of ",
    ],
)
def test_ten_thousand_characters_do_not_hang_it(piece: str) -> None:
    start = time.process_time()
    find_cues((piece * 10_000)[:10_000])
    assert time.process_time() - start < 30  # about 0.05 s; a pattern that goes back and forth takes minutes


@settings(max_examples=150)
@given(
    st.text(
        alphabet=st.one_of(st.characters(), st.sampled_from("itchyhandnobackred 0123 年月天痒手不无红，。")),
        max_size=200,
    )
)
def test_any_text_gives_cues_within_it(text: str) -> None:
    cues = find_cues(text)
    assert cues == find_cues(text)
    assert all(0 <= cue.start < cue.end <= len(text) for cue in cues)
    assert list(cues) == sorted(cues, key=lambda cue: (cue.start, cue.end, cue.name))


def test_cues_are_values() -> None:
    assert Cue("itch:yes", 0, 4) == Cue("itch:yes", 0, 4)
