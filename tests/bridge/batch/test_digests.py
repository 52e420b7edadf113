import random

from restem.bridge.batch.digests import Digests


def test_a_text_is_new_once() -> None:
    numbers = [*range(5000), *range(5000)]
    random.Random(0).shuffle(numbers)
    digests, known = Digests(), set[int]()
    for number in numbers:
        assert digests.add(f"/music/{number}.wav") == (number not in known)
        known.add(number)


def test_names_that_are_no_unicode_are_texts_too() -> None:
    digests = Digests()
    assert [digests.add(name) for name in ("caf\udce9", "caf\xe9", "caf\udce9")] == [
        True,
        True,
        False,
    ]
