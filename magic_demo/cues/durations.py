"""How long the patient has had it: durations read from English and Chinese text, in the unit as written ("20
days" is days)."""

from __future__ import annotations

import re
from dataclasses import dataclass

BUCKETS = ("within hours", "within days", "within weeks", "within months", "over a year", "multiple years")
"""From short to long, in the words of the question's options."""

_WORD_NUMBERS = {
    word: float(value)
    for value, word in enumerate(
        [
            "zero",
            "one",
            "two",
            "three",
            "four",
            "five",
            "six",
            "seven",
            "eight",
            "nine",
            "ten",
            "eleven",
            "twelve",
            "thirteen",
            "fourteen",
            "fifteen",
            "sixteen",
            "seventeen",
            "eighteen",
            "nineteen",
            "twenty",
        ]
    )
} | {
    "a": 1.0,
    "an": 1.0,
    "thirty": 30.0,
    "forty": 40.0,
    "fifty": 50.0,
    "sixty": 60.0,
    "dozens": 24.0,
    "several": 3.0,
    "few": 3.0,
    "many": 6.0,
}
_WORD_NUMBERS |= {"couple": 2.0, "half": 0.5, "countless": 6.0, "numerous": 6.0}
_DIGITS = {character: float(value) for value, character in enumerate("零一二三四五六七八九")} | {
    "两": 2.0,
    "俩": 2.0,
}
_HOURS = ("minute", "min", "hour", "hr", "分钟", "小时", "钟头")
_VAGUE = {"几": 3.0, "数": 3.0, "多": 6.0, "若干": 3.0, "许多": 6.0}

_EN_NUMBER = r"(?:\d{1,3}(?:\.\d+)?\+?|" + "|".join(sorted(_WORD_NUMBERS, key=len, reverse=True)) + r")"
_ENGLISH = re.compile(
    rf"(?<![\w.*])(?P<first>{_EN_NUMBER})(?:\s{{0,3}}(?:-|–|~|to|or)\s{{0,3}}(?P<second>{_EN_NUMBER}))?"
    r"(?:[\s-]{1,3}(?:of|more|full|whole|or more|odd|plus|an?)){0,3}(?P<half>[\s-]{1,3}(?:and a "
    r"half|and half))?"
    r"[\s-]{0,3}(?P<unit>minute|min|hour|hr|day|week|fortnight|month|year|yr|decade)s?\b(?P<half_after>\s{1,3}and\s{1,3}a\s{1,3}half)?"
)
_ZH_NUMBER = r"(?:\d{1,3}(?:\.\d+)?|[零一二两三四五六七八九十百]{1,4}|大半|半|好几|几|数|若干|许多|多|个把|(?<![一二两三四五六七八九十几数半多])(?=[年月周]余))"
_CHINESE = re.compile(
    rf"(?<![\d.年甲])(?P<first>{_ZH_NUMBER})(?:\s{{0,3}}[-~～—至到、或,，]\s{{0,3}}(?P<second>{_ZH_NUMBER}))?"
    r"(?P<more>\+|余|多|来|几)?\s{0,3}(?P<measure>个)?(?P<more_after>余|多)?(?P<half>半)?\s{0,3}"
    r"(?P<unit>分钟|小时|钟头|天|日|周|星期|礼拜|月|年)(?P<tail>余|多|半|来|之久|左右|以上)?"
)
_AGE_AFTER = re.compile(
    r"\s*(?:and\s+(?:a half|[\w]+\s+months?))?\s*-?\s*(?:old\b|of age\b)|\s*after "
    r"(?:(?:her|his|the|being) "
    r")?(?:birth|born)\b|\s*-?(?:pregnan|baby|infant)|岁|大(?![腿片块面概家量约多疱泡拇便手]|小(?![儿孩婴宝男女]))|(?:的)?(?:婴|女孩|男孩|小儿|患儿|孩子|小孩|女婴|男婴|宝宝|儿(?!子))|龄|级|纪|期"
)
_AGE_BEFORE = re.compile(
    r"(?:岁$|(?:宝宝|新生儿|婴儿|儿子|女儿|患儿|小孩|孩子|小儿|婴|孕)(?:刚满|刚好|今天刚好|刚|才|满|现|今年|已)?[，"
    r", ]?|(?:出生|生下来|生)(?:后|已)?)$"
)
_AGED_BEFORE = re.compile(r"\b(?:aged?|age of|age:?)\s*$|\b(?:patient|male|female|man|woman|boy|girl), $")
_NOT_A_PERSON = re.compile(
    r"\b(?:it|this|that|rash|lesions?|complaint|spots?|mole|lump|problem|condition) (?:is|are|was|has "
    r"been)(?: \w+){0,4} ?$"
)
_CALENDAR_AFTER = re.compile(r"\s*(?:份|底|初|\d{1,2}[日号])")

_TREATMENT = re.compile(
    r"\b(?:took|taken|taking|take|using|used|use|appl\w+|treat\w*|medicat\w*|inject\w*|prescri\w*|oral\w*|surger\w*|operat\w*|sprain\w*|fractur\w*|cured?|"
    r"recover\w*|given|pills|tablets?|capsules?|granules?|ointments?|infus\w*|drip|courses|course of "
    r"(?:treat|medic|anti)\w*|hospitali[sz]ed|"
    r"diabetes|cancer|hepatitis|hypertension|varicose|married|pregnan\w*|born|work\w*|practic\w*|engaged|profession|"
    r"every|each|once|per|how|previous\w*|within|after(?! (?:more "
    r"than|almost|over|nearly))|disappear\w*(?! for\b)|subsid\w*|fad\w*|heal\w*)\b"
    r"|(?:twice|thrice|times)\s*$|(?:^|[没又再每])过了?$|不出$|用|(?<![衣舒校制克])服(?![装务饰])|治疗|治了?$|吃|涂|抹|擦|输液|打针|注射|术后|手术|疗程|停药|康复|痊愈|住院|住了|做过"
    r"|糖尿病|高血压|癌|肝炎|静脉曲张|怀孕|妊娠|结婚|工作|从事|出差|每|间隔|平均|第|随着|既往|曾"
)
"""Words that tell a duration of treatment, of another illness or of an interval from the time since onset."""
_PRESENCE = re.compile(
    r"\b(?:for|since|about|over|nearly|almost|more than|past|last|has been|['’]s been|have been|has "
    r"had|have had|history|duration|present|ill|sick|appear\w*|"
    r"start\w*|began|onset|develop\w*|rash\w*|lesion\w*|itch\w*|symptom\w*|disease|suffer\w*|illness|notic\w*|found|discovered|experienc\w*|lasted)\b"
    r"|病史|病程|患病|发病|起病|病|发现|出现|起|长|皮疹|皮损|疹|痒|斑|疱|泡|结节|疙瘩|有|已|了|约|大概|反复|近"
)
_AGO = re.compile(
    r"\s*(?:ago\b|back\b|earlier\b|since\b|history\b|of (?:duration|history|(?:\w+ "
    r")?(?:itch\w*|rash\w*|symptoms))\b|duration\b|in "
    r"duration\b)|\s*(?:[之以]?前|(?:复发)?的?(?:病史|历史|史)|余|了|之久)"
)
_LATER = re.compile(
    r"\s*(?:later\b|after\b|apart\b|interval\b|per\b|each\b|of "
    r"(?:treatment|medication|use)\b|course\b|pregnan)|\s*(?:后(?![颈背脑面头枕])|[^，。,;；"
    r"]{0,6}?(?:消失|消退|自行|就消|就好)|治疗|用药|可以|能好|天|[才也就]?[来出起发长犯]?作?[好一二三两几数\d]+次|发作|内|来?一直[服吃用涂抹擦])"
)
_EVENT_AFTER = re.compile(
    r"\s*after (?:the |her |my |a |an |he |she |i )?(?:was )?(?:delivery|deliver\w+|giving birth|gave birth|childbirth|labou?r|"
    r"vaccin\w+|bitten|bites?|the bite|sting|stung|contact|exposure|sunburn\w*|shav\w+|waxing|eating)\b"
)
_EVENT_BEFORE = re.compile(r"(?:产|分娩|生产|剖腹产|接种|疫苗|日?晒|[叮咬]|接触|脱毛|吃海鲜)(?:之)?后[第]?$")
"""An event whose distance in time bounds how long the patient can have had it."""
_PAST_EVENT = re.compile(
    r"(?:ago\b|前)[^.,;。，；"
    r"]{0,30}?(?:surger|operat|sprain|injur|fractur|married|手术|扭伤|外伤|摔|结婚|骨折)(?!\s*后[^，。"
    r"]{0,3}(?:出现|起|发|长))"
)
_BIRTH = 6  # no bucket of its own: as long as the patient lives
_BEGINS = (
    r"(?:found|noticed|discovered|appear\w*|start\w*|began|begun|develop\w*|broke out|came (?:on|out|up)|woke up|"
    r"popped up|showed up|since|spotted)"
)
_SOME = r"\b(?:some|many|it|appeared|started|began|noticed|found|only|just) "
_RELATIVE = tuple(
    (re.compile(pattern), bucket)
    for pattern, bucket in (
        (
            r"\bthis (?:morning|afternoon|evening)\b|\blast night\b|\byesterday (?:evening|night)\b|\btonight\b|"
            r"\bjust now\b|\b(?:past|last) hour\b|"
            rf"\b{_BEGINS}(?: \w+){{0,4}} (?:earlier )?today\b|\btoday,? (?:i|we|he|she|it|they)?(?: \w+)? ?{_BEGINS}\b"
            r"(?![^.]{0,20}\b(?:patient|case)\b)|\b(?:for|over|past|last) (?:the )?(?:past |last )?hours\b|"
            rf"{_SOME}hours ago\b|"
            r""
            r"今早|今晨|今晚|今[天日](?:早|上午|中午|下午|晚|才|刚(?![好满])|突然|忽然|发现|出现|起|长)|刚刚(?:发现|出现|起|长)|"
            r"昨晚|昨夜|昨[天日](?=[晚半夜])",
            0,
        ),
        (
            r"\byesterday\b(?! evening| night)|\bday before yesterday\b|\b(?:since|on|last) "
            r"(?:last )?(?:mon|tues|wednes|thurs|fri|satur|sun)day\b|\b(?:for|over|past|last|these) (?:the )?"
            r"(?:past |last )?days\b|"
            rf"{_SOME}days ago\b|"
            r"昨[天日](?![晚半夜])|昨早|前天|前日|从(?:周|星期|礼拜)[一二三四五六日天]",
            1,
        ),
        (
            r"\b(?:last|past) (?:week|fortnight)\b|\b(?:for|over|past|last|these) (?:the )?(?:past |last )?weeks\b|"
            r""
            rf"{_SOME}weeks ago\b|"
            r"上周|上个?星期|上个?礼拜",
            2,
        ),
        (
            r"\b(?:last month|past month|this (?:spring|summer|autumn|winter))\b|\b(?:for|over|past|last|these) (?:the )?"
            r"(?:past |last )?months\b|"
            rf"{_SOME}months ago\b|"
            r"\bsince (?:last )?(?:january|february|march|april|may|june|july|august|"
            r"september|october|november|december)\b|上个?月|今年?[春夏秋冬](?!天?[没无])",
            3,
        ),
        (r"\b(?:past|last) year\b|\blast (?:winter|summer|spring|autumn)\b|去年", 4),
        (
            r"\b(?:since|from|at) (?:birth|(?:he|she|i) was born)\b|\bborn with\b|\bcongenital\w*|\bbirth ?marks?\b|"
            r"\b(?:as long as|ever since|since) (?:i|he|she|we) (?:can|could) remember\b|\b(?:all|most of) "
            r"(?:my|his|her) life\b|\blifelong\b|\bwhole life\b|\bsince (?:infancy|babyhood)\b|\balways had\b|"
            r"出生|天生|先天|生下来|胎记|胎里带|与生俱来|娘胎|生来就|记事[起时以]|打小",
            _BIRTH,
        ),
        (
            r"\b(?:since (?:childhood|(?:i|he|she) was (?:a child|young|little|small|a kid))|(?:when (?:i|he|she) "
            r"was|as) a child|(?:for|past|last) (?:many |the )?years|recent years|childhood|from a young age|"
            r"(?:every|each) "
            r"(?:year|summer|winter|spring|autumn)|(?:19|20)\d\d)\b|自幼|从小(?![腿指趾腹])|(?<![\d个几半一二三四五六七八九十两])小时候|自小(?![腿指趾腹])|幼时|每年|年年|每到[春夏秋冬]|"
            r"(?<!\d)(?:19|20)\d\d年",
            5,
        ),
    )
)
_CLAUSE_END = re.compile(r"[.,;:!?\n()，。；：！？（）、](?!\d)")


@dataclass(frozen=True)
class Duration:
    """A duration named in a text.

    bucket: index into BUCKETS; start, end: span in characters; weight: how much it reads like the time since
    onset, higher is more.
    """

    bucket: int
    start: int
    end: int
    weight: float


@dataclass(frozen=True)
class Times:
    """The times that a text names: durations in the order of the text, and where ages stand, (start, end) in
    characters."""

    durations: tuple[Duration, ...]
    ages: tuple[tuple[int, int], ...]


def find_times(text: str) -> Times:
    """Return every duration and every age that a text in lower case names; calendar dates are left out."""
    found: list[Duration] = []
    ages: list[int] = []
    places: list[tuple[int, int]] = []
    for match in _ENGLISH.finditer(text):
        if _is_age_en(text, match):
            ages.append(_choose_bucket(_read_english(match["first"]), match["unit"]))
            places.append(match.span())
            continue
        value = max(_read_english(match["first"]), _read_english(match["second"]) if match["second"] else 0.0)
        if match["half"] or match["half_after"]:
            value += 0.5
        found.append(_weigh(text, match, _choose_bucket(value, match["unit"])))
    for match in _CHINESE.finditer(text):
        unit, after = match["unit"], match.end()
        if text[after : after + 1] == unit:  # "一天天" is "day by day"
            continue
        if _AGE_AFTER.match(text, after) or (
            unit in ("月", "天", "周")
            and text[after : after + 1] != "前"
            and _AGE_BEFORE.search(text[max(0, match.start() - 9) : match.start()])
        ):
            ages.append(_choose_bucket(_read_chinese(match["first"]), unit))
            places.append(match.span())
            continue
        if (
            unit == "月"
            and not match["measure"]
            and (
                _CALENDAR_AFTER.match(text, after) or text[max(0, match.start() - 1) : match.start()] == "去"
            )
        ):
            continue
        if unit == "日" and text[max(0, match.start() - 1) : match.start()] == "月":
            continue
        if match["first"] == "多" and unit in ("天", "日", "周"):
            continue
        value = max(_read_chinese(match["first"]), _read_chinese(match["second"]) if match["second"] else 0.0)
        if match["half"] or match["tail"] == "半":
            value = value + 0.5 if match["first"] != "半" else value
        found.append(_weigh(text, match, _choose_bucket(value, unit)))
    if all(duration.weight < 0 for duration in found):
        life = max(ages, default=5)
        found.extend(
            Duration(life if bucket == _BIRTH else bucket, *match.span(), 0.0)
            for pattern, bucket in _RELATIVE
            for match in pattern.finditer(text)
        )
    return Times(tuple(sorted(found, key=lambda duration: duration.start)), tuple(places))


def _is_age_en(text: str, match: re.Match[str]) -> bool:
    before = text[max(0, match.start() - 40) : match.start()]
    if _AGED_BEFORE.search(before):
        return True
    return _AGE_AFTER.match(text, match.end()) is not None and not _NOT_A_PERSON.search(before)


def choose_onset(durations: tuple[Duration, ...]) -> Duration | None:
    """Return the duration that reads most like the time since onset: the heaviest, then the longest, then the
    first.

    None where every one reads like something else: how long a medicine was taken, how old another illness is.
    """
    return max(
        (duration for duration in durations if duration.weight >= 0),
        default=None,
        key=lambda duration: (duration.weight, duration.bucket, -duration.start),
    )


def _choose_bucket(value: float, unit: str) -> int:
    if unit in _HOURS:
        return 0
    if unit in ("day", "天", "日"):
        return 0 if value < 1 else 1 if value < 30 else 3
    if unit == "decade":
        return 5
    if unit in ("week", "fortnight", "周", "星期", "礼拜"):
        return 2
    if unit in ("month", "月"):
        return 3 if value >= 1 else 2
    return 3 if value < 1 else 4 if value < 2 else 5


def _weigh(text: str, match: re.Match[str], bucket: int) -> Duration:
    start, end = match.span()
    before = text[max(0, start - 60) : start]
    clauses = list(_CLAUSE_END.finditer(before))
    clause = before[clauses[-1].end() :] if clauses else before
    weight = 0.0
    if bucket == 0 and match["unit"] in _HOURS:  # mostly how long one wheal stays
        weight -= 1.0
    if _EVENT_AFTER.match(text, end) or _EVENT_BEFORE.search(clause):
        return Duration(bucket, start, end, 0.0)
    if _PAST_EVENT.match(text, end):
        weight -= 2.0
    if _TREATMENT.search(clause):
        weight -= 2.0
    if _PRESENCE.search(clause):
        weight += 1.0
    if _AGO.match(text, end):
        weight += 1.0
    if _LATER.match(text, end):
        weight -= 2.0
    return Duration(bucket, start, end, weight)


def _read_english(word: str) -> float:
    return _WORD_NUMBERS[word] if word in _WORD_NUMBERS else float(word.rstrip("+"))


def _read_chinese(word: str) -> float:
    if not word or word == "个把":  # "年余" is a year and more
        return 1.0
    if word[0].isdigit():
        return float(word)
    if word in ("半", "大半"):
        return 0.5
    if word in _VAGUE or word == "好几":
        return _VAGUE.get(word, 3.0)
    total, current = 0.0, 0.0
    for character in word:
        if character == "十":
            total += (current or 1.0) * 10
            current = 0.0
        elif character == "百":
            total += (current or 1.0) * 100
            current = 0.0
        else:
            # "一两个月" names one or two: the larger is meant.
            current = max(current, _DIGITS[character])
    return total + current
