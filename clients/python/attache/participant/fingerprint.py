"""A fingerprint in words, for two people to compare over the telephone.

Each word stands for one byte: 256 words, in the order below, which never changes. The first 16 bytes of the SHA-256 are
enough: to find another descriptor with the same words, an attacker has to try about 2^128 descriptors.
"""

from attache.errors import MalformedInput

_LIST = """
    acorn actor album alley amber anchor angle ankle apple apron arch arrow atlas attic autumn badge bakery
    bamboo banana banjo barrel basket beach beacon bell bench berry bicycle birch biscuit blanket blossom boat
    bonfire book boulder bracelet branch bread brick bridge bronze broom bubble bucket butter button cabin
    cactus camel camera candle canoe canyon carpet carrot castle cedar cellar chalk cherry chimney cinema circle
    cliff clock cloud clover coast cobalt coffee comet compass copper coral corner cotton cousin cradle crayon
    crystal cuckoo cushion dagger daisy dancer desert diamond dinner dolphin donkey dragon drawer driver drum
    eagle easel echo eleven ember engine envelope escort evening fabric falcon farmer feather fence ferry fiddle
    field finger flag flame flute forest fossil fountain fox frost garden garlic gate ginger glacier glove goat
    granite grape grass guitar hammer harbor harvest hazel helmet heron hill honey horse hotel island ivory
    jacket jaguar jelly jungle kayak kettle kitchen kite ladder lagoon lantern laurel lemon letter library lily
    linen lizard lobster lumber magnet mango maple marble market meadow melon metal mirror mitten monkey morning
    mosaic mountain museum mustard napkin needle nickel noodle north nutmeg oasis ocean olive onion opera orange
    orchard otter oyster paddle palace panther paper parrot pasture peanut pebble pencil pepper piano pigeon
    pillow planet plum pocket pony poppy potato prairie puddle pumpkin puzzle quarry quilt rabbit radio raven
    ribbon river robin rocket rooster saddle sailor salmon sandal satin school shadow silver slipper sparrow
    spider summer sunset table temple thunder tiger timber tractor tulip tunnel turtle umbrella valley velvet
    village violin walnut
"""
WORDS = tuple(_LIST.split())
_SPOKEN_BYTES = 16


def fingerprint_words(fingerprint: str) -> str:
    """16 words, in lines of four, for a fingerprint of 64 hex digits."""
    try:
        data = bytes.fromhex(fingerprint)
    except ValueError:
        raise MalformedInput(detail="not a fingerprint") from None
    if len(data) != 32 or data.hex() != fingerprint:  # noqa: PLR2004 -- SHA-256
        raise MalformedInput(detail="not a fingerprint")
    words = [WORDS[byte] for byte in data[:_SPOKEN_BYTES]]
    return "\n".join(" ".join(words[start : start + 4]) for start in range(0, _SPOKEN_BYTES, 4))
